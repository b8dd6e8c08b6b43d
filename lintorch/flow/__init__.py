"""What the code of one function does with its values: evaluation order, definitions, uses, effects, tensor facts."""
