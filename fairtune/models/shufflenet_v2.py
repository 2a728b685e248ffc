"""The small net of the papers."""

from __future__ import annotations

from typing import ClassVar

from fairtune.models._torchvision import Classifier


class ShuffleNetV2(Classifier):
    """ShuffleNet V2 of width 1.0 of torchvision (1,255,654 parameters for 2 classes): CelebA of MFD.

    MFD (S. Jung et al., CVPR 2021) cites version 1 and uses this one, from ImageNet (``weights=imagenet``); its code taps the map
    of the last convolution before the pooling, 1024x6x6 from 176x176 images: ``tap=flat``. Any RGB image will do. Source: N. Ma
    et al., ECCV 2018.

    Args:
        shape: ``(3, H, W)``.
        num_classes: K.
        tap: as in :class:`~fairtune.models._torchvision.Classifier`.
    """

    citation: ClassVar[str] = (
        "N. Ma, X. Zhang, H.-T. Zheng, J. Sun, ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018"
    )

    architecture: ClassVar[str] = "shufflenet_v2_x1_0"
