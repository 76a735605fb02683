"""Default augmentation: geometry and light, never hue."""


def default_augmentation():
    """Return flips, any rotation, and mild scale, brightness and contrast.

    Hue and saturation stay: the red of blood tells a haemorrhage from pigment.

    Returns
    -------
    transform : torchvision.transforms.v2.Compose
        Maps one uint8 image (3, height, width) to another.
    """
    from torchvision.transforms import v2

    return v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.RandomAffine(
                degrees=180,
                scale=(0.9, 1.1),
                interpolation=v2.InterpolationMode.BILINEAR,
            ),
            v2.ColorJitter(brightness=0.1, contrast=0.1),
        ]
    )
