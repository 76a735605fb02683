"""Named augmentations: geometry and light, never hue."""

NAMES = ("flips", "default")


def augmentation(name):
    """Return the random changes that a name stands for.

    Hue and saturation stay: the red of blood tells a haemorrhage from pigment.

    Parameters
    ----------
    name : {"flips", "default"}
        Horizontal and vertical flips; or these, any rotation, and mild scale,
        brightness and contrast.

    Returns
    -------
    transform : torchvision.transforms.v2.Compose
        Maps one uint8 image (3, height, width) to another.
    """
    from torchvision.transforms import v2

    flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
    if name == "flips":
        return v2.Compose(flips)
    return v2.Compose(
        [
            *flips,
            v2.RandomAffine(
                degrees=180,
                scale=(0.9, 1.1),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.ColorJitter(brightness=0.1, contrast=0.1),
        ]
    )
