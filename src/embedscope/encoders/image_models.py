"""Models that read pictures: one that installs from PyPI, the pixels themselves."""

from __future__ import annotations

from embedscope.encoders._efficientnet import INSTALL, PACKAGE, open_efficientnet
from embedscope.encoders._image_info import ImageModel
from embedscope.encoders._pixels import open_pixels

IDS = ("efficientnet-lite0", "pixels")

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
        description="pixels:SIDE, RGB values of the picture scaled to SIDE x SIDE; the baseline of every image encoder",
        licence="none needed",
        cite="torralba2008",
        install='pip install "embedscope[images]"',
        module="PIL",
        open=open_pixels,
    ),
}
