"""No wrong rewrite gets a yes: every operator applied to every specimen, at every place."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from lintorch.verify.verdict import Change, Status, Verdict
from lintorch.verify.verifier import Verifier
from tests.verify.generated import one_of_each
from tests.verify.mutations import OPERATORS, Mutant, mutants
from tests.verify.specimens import SPECIMENS, Specimen

# Mutants that compute the same after all: (specimen, operator, a piece of the changed text) and the reason.
EQUIVALENT = {
    ("Loss", "swapped-operands", "(target - prediction) ** 2"): "a square knows no sign",
    ("Attention", "constant-off-by-one-ulp", "-1000.000238"): "the exponential of either is zero",
    ("Sampler", "detached", "torch.randn_like(std).detach()"): "random numbers have no graph",
    ("Sampler", "detached", "mean(0).detach()"): "it was detached before",
    ("Sampler", "doubled-gradient", "0.1 * (z.detach().mean(0).detach()"): "it was detached before",
    ("Sampler", "computed-without-grad", "torch.no_grad()(lambda: torch.randn_like(std))()"): "random numbers have no graph",
    ("Sampler", "computed-without-grad", "torch.no_grad()(lambda: z.detach().mean(0))()"): "it was detached before",
    ("Sampler", "wrong-in-eval", "z.detach().mean(0) if self.training"): "that line runs in training only",
    ("Recurrent", "gradient-hook", "tokens.register_hook"): "integers have no gradient",
    ("Tied", "other-dtype", "tree_map"): "a dataclass is a leaf to tree_map, which leaves it alone",
    ("Tied", "other-stride", "tree_map"): "a dataclass is a leaf to tree_map, which leaves it alone",
    ("Loss", "other-stride", "tree_map"): "a number has no stride",
    ("contrast", "other-stride", "tree_map"): "a number has no stride",
    ("Mlp", "extra-dimension", "h.mean()[None]"): "it broadcasts alike",
    ("Attention", "extra-dimension", "self.qkv(x)[None].reshape"): "the shape is given anew",
    ("Tied", "extra-dimension", "second.square()[None].mean()"): "the mean is over everything",
    ("contrast", "extra-dimension", "logits.diagonal()[None].mean()"): "the mean is over everything",
    ("Loss", "written-parameter", "p.data.mul_(1.5)"): "it has no parameters",
    ("contrast", "wrong-on-second-call", "a * 2"): "it normalises its inputs",
    ("Made", "detached", "h.detach().mean(0).detach()"): "it was detached before",
    ("Made", "doubled-gradient", "(h.detach().mean(0).detach() +"): "it was detached before",
    ("Made", "computed-without-grad", "torch.no_grad()(lambda: h.detach().mean(0))"): "it was detached before",
    ("Made", "wrong-in-eval", "h.detach().mean(0) if self.training"): "that line runs in training only",
    ("Made", "extra-dimension", "x.mean()[None]"): "it broadcasts alike",
}


_OPEN = ("prints differ", "warnings differ", "the same operations are given another number")


def change_of(specimen: Specimen, text: str, folder: Path) -> Change:
    """A mutant as a change, with the lines of the original it replaces."""
    path = folder / f"{specimen.name.lower()}.py"
    old = specimen.text
    path.write_text(old)
    matcher = difflib.SequenceMatcher(None, old.splitlines(), text.splitlines(), autojunk=False)
    lines = tuple(line for tag, i, j, _, _ in matcher.get_opcodes() if tag != "equal" for line in range(i + 1, j + 1))
    return Change(path, specimen.name, old, text, lines)


def all_mutants(operators: list[str]) -> list[Mutant]:
    return [mutant for name in operators for specimen in SPECIMENS for mutant in mutants(specimen, name)]


def verdicts(verifier: Verifier, found: list[Mutant], folder: Path) -> list[Verdict]:
    changes = [change_of(mutant.specimen, mutant.text, folder) for mutant in found]
    return verifier.verify_many(changes, [mutant.specimen.examples for mutant in found])


@pytest.mark.parametrize("name", OPERATORS)
def test_no_mutant_gets_a_yes(name: str, verifier: Verifier, tmp_path: Path) -> None:
    found = all_mutants([name])[::3]  # every third place; the long test takes all
    assert found
    check(found, verdicts(verifier, found, tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("name", OPERATORS)
def test_no_mutant_at_any_place_gets_a_yes(name: str, verifier: Verifier, tmp_path: Path) -> None:
    found = all_mutants([name])
    check(found, verdicts(verifier, found, tmp_path))


@pytest.mark.parametrize("name", OPERATORS)
def test_no_mutant_of_a_generated_module_gets_a_yes(name: str, verifier: Verifier, tmp_path: Path) -> None:
    found = one_of_each(mutants, name, step=33)
    check(found, verdicts(verifier, found, tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("name", OPERATORS)
def test_no_mutant_of_any_generated_module_gets_a_yes(name: str, verifier: Verifier, tmp_path: Path) -> None:
    found = one_of_each(mutants, name)
    check(found, verdicts(verifier, found, tmp_path))


def check(found: list[Mutant], told: list[Verdict]) -> None:
    wrong = [
        f"{mutant.specimen.name}: {verdict.status.value}\n{diff(mutant)}"
        for mutant, verdict in zip(found, told, strict=True)
        if verdict.status in (Status.SAME_TRACE, Status.TESTED) and not is_equivalent(mutant)
    ]
    assert not wrong, "\n\n".join(wrong)
    # Not silence all over: what is only heard (a print, a warning), or a constant whose change is rounded away, leaves a verdict open; all else differs.
    open_verdicts = [verdict.reason for verdict in told if verdict.status is Status.UNDECIDED]
    assert all(reason and reason.startswith(_OPEN) for reason in open_verdicts), open_verdicts


def is_equivalent(mutant: Mutant) -> bool:
    family = mutant.specimen.name.rstrip("0123456789")  # generated modules are numbered
    return any((family, mutant.operator) == (name, kind) and piece in mutant.text for name, kind, piece in EQUIVALENT)


def diff(mutant: Mutant) -> str:
    return "\n".join(difflib.unified_diff(mutant.specimen.text.splitlines(), mutant.text.splitlines(), lineterm="", n=0))
