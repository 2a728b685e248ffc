"""The residual net of the papers."""

from __future__ import annotations

from typing import ClassVar

from fairtune.models._torchvision import Classifier


class ResNet18(Classifier):
    """ResNet-18 of torchvision (11,178,051 parameters for 3 classes): UTKFace and CelebA of MFD, CelebA of FFW.

    MFD (S. Jung et al., CVPR 2021) starts from ImageNet, ``weights=imagenet``, and its code taps the map of the last block before
    the pooling, 512x6x6 from 176x176 images: ``tap=flat``. FFW trains from scratch and looks at the pooled vector of 512:
    ``tap=pooled``. Any RGB image will do. Source: K. He et al., CVPR 2016.

    Args:
        shape: ``(3, H, W)``.
        num_classes: K.
        tap: as in :class:`~fairtune.models._torchvision.Classifier`.
    """

    citation: ClassVar[str] = "K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016"

    architecture: ClassVar[str] = "resnet18"
