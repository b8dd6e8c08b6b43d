"""What lintorch knows of libraries whose text it does not read: torch itself, and the bases that other libraries give to models."""

from __future__ import annotations

import re

# Installed libraries that are large and define no module, so that reading them would cost much and tell nothing.
UNREAD = frozenset({"numpy", "scipy", "pandas", "matplotlib", "sympy", "sklearn", "cv2", "PIL", "tensorflow", "jax", "triton", "networkx", "pytest"})

# The classes of torch.nn that are modules, for `from torch.nn import *`.
_TORCH_NAMES = """
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveLogSoftmaxWithLoss AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
    AlphaDropout AvgPool1d AvgPool2d AvgPool3d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d BatchNorm3d Bilinear CELU CTCLoss ChannelShuffle
    CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d Container Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d
    ConvTranspose3d CosineEmbeddingLoss CosineSimilarity CrossEntropyLoss CrossMapLRN2d DataParallel Dropout Dropout1d Dropout2d Dropout3d ELU
    Embedding EmbeddingBag FeatureAlphaDropout Flatten Fold FractionalMaxPool2d FractionalMaxPool3d GELU GLU GRU GRUCell GaussianNLLLoss GroupNorm
    Hardshrink Hardsigmoid Hardswish Hardtanh HingeEmbeddingLoss HuberLoss Identity InstanceNorm1d InstanceNorm2d InstanceNorm3d KLDivLoss L1Loss
    LPPool1d LPPool2d LPPool3d LSTM LSTMCell LayerNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d
    LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear LeakyReLU Linear
    LinearCrossEntropyLoss LocalResponseNorm LogSigmoid LogSoftmax MSELoss MarginRankingLoss MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d
    MaxUnpool3d Mish Module ModuleDict ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss MultiheadAttention NLLLoss NLLLoss2d
    PReLU PairwiseDistance ParameterDict ParameterList PixelShuffle PixelUnshuffle PoissonNLLLoss RMSNorm RNN RNNBase RNNCell RNNCellBase RReLU ReLU
    ReLU6 ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d SELU Sequential SiLU Sigmoid SmoothL1Loss
    SoftMarginLoss Softmax Softmax2d Softmin Softplus Softshrink Softsign SyncBatchNorm Tanh Tanhshrink Threshold Transformer TransformerDecoder
    TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer TripletMarginLoss TripletMarginWithDistanceLoss Unflatten Unfold Upsample
    UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d
"""
TORCH_MODULES = frozenset(_TORCH_NAMES.split())

_NOT_MODULES = re.compile(
    r"torch\.nn\.(?:parameter|init|functional|grad|attention|utils(?!\.(?:parametrize|prune))|backends|common_types)(?:\.|$)|torch\.nn\.(?:\w+\.)*\w*(?:Parameter|Buffer|Options)$"
)
_TORCH_MODULES = re.compile(
    r"torch\.nn\.(?:\w+\.)*_*[A-Z]\w*"
    r"|torch\.(?:ao\.)?(?:nn\.)?(?:intrinsic|quantized|qat|quantizable)\.(?:\w+\.)*[A-Z]\w*|torch\.ao\.nn\.(?:\w+\.)*[A-Z]\w*"
    r"|torch\.jit\.(?:ScriptModule|RecursiveScriptModule|TopLevelTracedModule)|torch\.fx\.(?:\w+\.)?GraphModule"
    r"|torch\.nn\.utils\.parametrize\.ParametrizationList|torch\.nn\.utils\.prune\.\w+Module"
    r"|torch\.distributed\.(?:\w+\.)*(?:FullyShardedDataParallel|FSDP|PipelineStage|RemoteModule|_RemoteModule)"
)
# Bases of models in libraries that may not be installed where the check runs.
_LIBRARY_MODULES = re.compile(
    r"transformers\.(?:\w+\.)*\w*(?:PreTrainedModel|Model|For[A-Z]\w+|Layer|Attention|MLP|RMSNorm|Embeddings?|Encoder|Decoder)"
    r"|diffusers\.(?:\w+\.)*(?:ModelMixin|\w+Model|\w*Autoencoder\w*|\w*Attention\w*)"
    r"|(?:pytorch_lightning|lightning|lightning\.pytorch|lightning_fabric)\.(?:\w+\.)*(?:LightningModule|_FabricModule)"
    r"|torchvision\.(?:models|ops)\.(?:\w+\.)*[A-Z](?!\w*_Weights)\w*|torchvision\.transforms\.v2\.(?:\w+\.)*Transform"
    r"|torchaudio\.(?:models|transforms)\.(?:\w+\.)*[A-Z]\w*|torchmetrics\.(?:\w+\.)*[A-Z]\w*|torchtext\.(?:nn|models)\.(?:\w+\.)*[A-Z]\w*"
    r"|timm\.(?:layers|models)\.(?:\w+\.)*[A-Z]\w*|segmentation_models_pytorch\.(?:\w+\.)*\w*(?:Model|Encoder|Decoder|Head|Unet\w*)"
    r"|torch_geometric\.nn\.(?:\w+\.)*[A-Z]\w*|dgl\.nn\.(?:\w+\.)*[A-Z]\w*|monai\.(?:networks|losses)\.(?:\w+\.)*[A-Z]\w*"
    r"|speechbrain\.(?:nnet|lobes)\.(?:\w+\.)*[A-Z]\w*|kornia\.(?:\w+\.)*\w*(?:Module|AugmentationBase\w*)"
    r"|(?:mmcv|mmengine|mmdet|mmseg|mmcls|mmpretrain)\.(?:\w+\.)*(?:BaseModule|BaseModel|BaseDetector|BaseDecodeHead|BaseSegmentor|BaseBackbone|ConvModule)"
    r"|fairseq\.(?:\w+\.)*(?:\w*Model|Fairseq\w*(?:Encoder|Decoder)|FairseqCriterion|\w*Module)|detectron2\.(?:layers|modeling)\.(?:\w+\.)*[A-Z]\w*"
    r"|gpytorch\.(?:\w+\.)*(?:Module|ExactGP|ApproximateGP|Kernel|Mean|Likelihood|GaussianLikelihood)|botorch\.models\.(?:\w+\.)*[A-Z]\w*"
    r"|pyro\.nn\.(?:\w+\.)*PyroModule|escnn\.nn\.(?:\w+\.)*EquivariantModule|sentence_transformers\.(?:\w+\.)*SentenceTransformer"
    r"|stable_baselines3\.common\.(?:\w+\.)*(?:BaseFeaturesExtractor|BasePolicy|BaseModel|ActorCriticPolicy)"
    r"|tensordict\.nn\.(?:\w+\.)*TensorDict\w*|torchrl\.(?:modules|objectives)\.(?:\w+\.)*[A-Z]\w*|x_transformers\.(?:\w+\.)*[A-Z]\w*"
    r"|fastai\.(?:\w+\.)*Module|allennlp\.(?:\w+\.)*(?:Model|Seq2SeqEncoder|Seq2VecEncoder|TokenEmbedder)|compressai\.models\.(?:\w+\.)*[A-Z]\w*"
)


def is_module_base(dotted: str) -> bool:
    """Is the class of that name a torch module, going by its name in torch or in a library known for its modules?"""
    if dotted.startswith("torch."):
        return _TORCH_MODULES.fullmatch(dotted) is not None and _NOT_MODULES.match(dotted) is None
    return _LIBRARY_MODULES.fullmatch(dotted) is not None
