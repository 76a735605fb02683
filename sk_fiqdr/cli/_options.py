"""Options that several commands take, named as the Python parameters."""

from pathlib import Path
from typing import Annotated

import typer

from ._config import read_config

Images = Annotated[
    Path,
    typer.Argument(
        help="Folder of images, any depth, or of a whole set such as APTOS or DDR."
    ),
]
Grades = Annotated[
    list[Path] | None,
    typer.Option(help="CSV with columns image, level (0 to 4). May be repeated."),
]
Quality = Annotated[
    list[Path] | None,
    typer.Option(
        help="CSV with columns image, quality (1 good, 0 poor). May be repeated."
    ),
]
Layout = Annotated[
    str,
    typer.Option(
        help="Which set or labels it is; auto finds out: labels (CSV files), eyeq, "
        "aptos, brset, ddr, deepdrid, drimdb, idrid, messidor2, odir, grade-folders, "
        "quality-folders."
    ),
]
PatientColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of the CSV with the patients; default: patient_id or similar, "
        "else from the image names; none: always from the image names."
    ),
]
PoorLabel = Annotated[
    str | None,
    typer.Option(help="Which of two labels in the column quality means poor."),
]
BothEyes = Annotated[
    bool,
    typer.Option(
        "--both-eyes",
        help="Also grade with the help of the fellow eye; names tell patient and eye.",
    ),
]
Model = Annotated[
    Path, typer.Argument(help="Folder that train or save_pretrained wrote.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the result.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=read_config,
        is_eager=True,
        help="TOML with options, such as run.toml of an earlier run.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace an existing file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")]
Progress = Annotated[
    bool, typer.Option(help="Show a progress bar if stderr is a terminal.")
]

TestSize = Annotated[
    float,
    typer.Option(min=0, max=0.9, help="Share of patients to hold out; 0: none."),
]

NET = "Network and training"
Backbone = Annotated[
    str,
    typer.Option(
        rich_help_panel=NET,
        help="efficientnet_lite0 (1, 2), a torchvision model, or timm/ and one of "
        "timm's.",
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        rich_help_panel=NET,
        help="auto: ImageNet's where they are installed, as for efficientnet_lite0; "
        "DEFAULT: ImageNet's, fetched once if needed; none: random; or a file.",
    ),
]
ImageSize = Annotated[
    int, typer.Option(rich_help_panel=NET, help="Height and width in pixels.")
]
MaxEpochs = Annotated[int, typer.Option(rich_help_panel=NET)]
BatchSize = Annotated[int, typer.Option(rich_help_panel=NET)]
Lr = Annotated[float, typer.Option(rich_help_panel=NET, help="Learning rate.")]
BackboneLr = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=NET, help="Learning rate of the backbone; default: lr."
    ),
]
QualityLossWeight = Annotated[
    float,
    typer.Option(
        rich_help_panel=NET,
        help="1 is the paper's plain sum, which grades nothing in short fits.",
    ),
]
Balance = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=NET, help="grade or quality: draw its classes equally often."
    ),
]
Device = Annotated[
    str, typer.Option(rich_help_panel=NET, help="auto, cpu, cuda or cuda:1.")
]
NumWorkers = Annotated[
    int, typer.Option(rich_help_panel=NET, help="Number of processes that read images.")
]
OnError = Annotated[
    str,
    typer.Option(help="An unreadable image: raise (stop), warn, or skip."),
]
OnDamage = Annotated[
    str,
    typer.Option(
        help="Damaged JPEGs: warn (use and list them), raise (take them for "
        "unreadable), or ignore."
    ),
]
RandomState = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
