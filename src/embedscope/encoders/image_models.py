"""Models that read images: one that installs from PyPI, the pixels themselves, and two libraries of models."""

from __future__ import annotations

from embedscope.encoders._efficientnet import INSTALL, PACKAGE, open_efficientnet
from embedscope.encoders._image_info import ImageModel
from embedscope.encoders._open_clip import open_open_clip
from embedscope.encoders._open_clip_text import open_open_clip_text
from embedscope.encoders._pixels import open_pixels
from embedscope.encoders._timm import open_timm

IDS = ("efficientnet-lite0", "pixels", "timm", "open_clip")

ENTRIES: dict[str, ImageModel] = {
    "efficientnet-lite0": ImageModel(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0",
        description="image classifier trained on ImageNet, 7 stages of blocks, 1,280 features; ?size=128 or ?size=224",
        licence="Apache-2.0",
        cite="tan2019",
        install=INSTALL,
        module=PACKAGE,
        open=open_efficientnet,
    ),
    "pixels": ImageModel(
        name="pixels",
        title="raw pixels",
        description="pixels:SIDE, RGB values of the image scaled to SIDE x SIDE; the baseline of every image encoder",
        licence="none needed",
        cite="torralba2008",
        install='pip install "embedscope[images]"',
        module="PIL",
        open=open_pixels,
    ),
    "timm": ImageModel(
        name="timm",
        title="PyTorch image models",
        description="timm:NAME, such as timm:resnet50, or timm:FOLDER; features before the classifier and every stage",
        licence="of the weights",
        cite="wightman2019",
        install='pip install "embedscope[vision]"',
        module="timm",
        open=open_timm,
    ),
    "open_clip": ImageModel(
        name="open_clip",
        title="OpenCLIP",
        description="open_clip:ARCH/PRETRAINED, such as open_clip:RN101-quickgelu/openai; image and text tower",
        licence="of the weights",
        cite="ilharco2021",
        install='pip install "embedscope[vision]"',
        module="open_clip",
        open=open_open_clip,
        open_text=open_open_clip_text,
    ),
}
