r"""Tables 1 to 4 of the paper, from any set of photographs, with intervals.

    SK_FIQDR_DATA=... python benchmarks/reproduce_paper.py --budget cpu
    python benchmarks/reproduce_paper.py --images DIR --grades trainLabels.csv \\
        --quality quality_label_train.csv --budget gpu
    python benchmarks/reproduce_paper.py --make-fundus 120 --budget test

needs the extra ``bench`` for ``--budget cpu``. Given three files of quality labels
(train, validate, test) whose photographs are in the folder, the paper's own split is
used, and its values stand beside ours; else folds of patients, so that with each seed
each photograph is answered once, by a net that has not seen its patient. Intervals are
95 % of draws of patients, differences of rows are paired.

Every fit is kept in ``--work``: a run that was killed goes on where it was. Tables are
printed and written to ``--out``: ``paper.csv`` (long), ``paper.json`` (what repeats
them) and figures.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from bench_make_fundus import processor
from paper.budgets import BUDGETS, photographs_hash
from paper.experiments import (
    MULTI_TASK,
    RECIPE,
    SINGLE_TASK,
    answer_all,
    gradient_study,
    make_rows,
    out_of_fold_runs,
    paper_runs,
)
from paper.figures import draw_grading, draw_quality
from paper.tables import (
    GRADING_COLUMNS,
    QUALITY_COLUMNS,
    Answers,
    differences,
    grading_table,
    layout,
    quality_table,
    table1,
)

import sk_fiqdr
from sk_fiqdr.datasets import load_kaggle_dr, make_fundus
from sk_fiqdr.model_selection import PatientLeakageError, check_patients_apart
from sk_fiqdr.utils._digest import digest

PAIRS = [
    ("L_q1, Momentum", "L_q0, Momentum", "mean_acc"),
    ("L_q3, Momentum", "L_q0, Momentum", "mean_acc"),
    ("L_q3, Momentum", "L_q1, Momentum", "mean_acc"),
    ("L_q2, Momentum", "L_q0, Momentum", "mean_acc"),
    ("L_q1, Adadelta", "L_q0, Adadelta", "mean_acc"),
    ("L_q3, Adadelta", "L_q0, Adadelta", "mean_acc"),
    *[(name, SINGLE_TASK, "kappa") for name in MULTI_TASK],
    *[(f"{name}, tuned", f"{SINGLE_TASK}, tuned", "kappa") for name in MULTI_TASK],
    *[(f"{name}, tuned", name, "kappa") for name in (SINGLE_TASK, *MULTI_TASK)],
    (f"Multi-task, L_q weighted {RECIPE}", "Multi-task", "kappa"),
    (f"Multi-task, L_q weighted {RECIPE}", "L_q3, Momentum", "mean_acc"),
]


def load(args, parser):
    """Return the photographs, and the rows of the paper's parts if all are there."""
    if args.make_fundus:
        return make_fundus(
            args.make_fundus,
            image_size=32,
            poor_fraction=0.3,
            grade_fractions="balanced",
            random_state=0,
        ), None
    folder = os.environ.get("SK_FIQDR_DATA")
    if args.images is None and not folder:
        parser.error("give --images and --grades, or --make-fundus, or SK_FIQDR_DATA")
    if args.images is None:
        labels = Path(folder) / "labels"
        args.images = Path(folder) / "eyepacs-256" / "images"
        args.grades = labels / "trainLabels.csv"
        args.quality = [labels / "quality_label_train.csv"]
    if not args.grades:
        parser.error("--images needs --grades")
    files = args.quality or []
    if len(files) not in (0, 1, 3):
        parser.error(
            f"--quality takes one file, or the paper's three, got {len(files)}"
        )
    if len(files) < 3:
        return load_kaggle_dr(args.images, args.grades, *files), None
    whole = pd.concat([pd.read_csv(file) for file in files])
    with tempfile.TemporaryDirectory() as place:
        whole.to_csv(Path(place) / "quality.csv", index=False)
        data = load_kaggle_dr(args.images, args.grades, Path(place) / "quality.csv")
    stems = pd.Series([Path(path).stem for path in data.data])
    parts = [
        np.flatnonzero(
            stems.isin(pd.read_csv(file)["image"].map(lambda n: Path(n).stem))
        )
        for file in files
    ]
    lengths = [len(part) for part in parts]
    if min(lengths) > 0:
        for name, part in (("validation", parts[1]), ("test", parts[2])):
            try:
                check_patients_apart(data.groups[parts[0]], data.groups[part])
            except PatientLeakageError as error:
                parser.error(
                    f"--quality: training and {name} file share patients. {error}"
                )
    if min(lengths) == 0:
        print(
            f"Of the paper's three parts {lengths} photographs are here: folds instead."
        )
        return data, None
    return data, parts


def whole(text):
    """Return a number of the command line, 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {number}")
    return number


def check(data):
    """Refuse what no table can be made of."""
    grade, quality = np.asarray(data.target).T
    for name, labels in (("grades", grade), ("quality labels", quality)):
        known = np.unique(labels[labels >= 0])
        if len(known) < 2:
            raise SystemExit(
                f"The {name} hold {len(known)} class(es), {known.tolist()!r}: nothing "
                "can be learned or compared. Pass a file with at least two."
            )
    if len(np.unique(data.groups)) == len(data.groups):
        print("No patient has two photographs here: rows count as patients.")


def source_of(args):
    """Return where photographs and labels came from, without folders."""
    if args.make_fundus:
        return f"make_fundus({args.make_fundus})"
    files = [args.grades, *(args.quality or [])]
    return [args.images.name, *(file.name for file in files)]


def measure(args, data, parts, budget, runs, folder):
    """Return all figures, long, printing tables on the way."""
    rows = make_rows(budget, args.device, folder)
    if args.rows:
        rows = {name: rows[name] for name in args.rows}
    inputs = budget.make_inputs(data, folder)
    answers = answer_all(rows, runs, inputs, data, folder, args.n_jobs or budget.n_jobs)
    named = dict(zip(("Training", "Validation", "Testing"), parts or (), strict=False))
    print("\nTable 1\n" + table1(data, named).to_string())
    frames = []
    for number, test in enumerate(runs[0].tests):
        found = Answers(data, runs, answers, test)
        if found.quality:
            quality = quality_table(found, args.n_bootstraps)
            printed = layout(quality, QUALITY_COLUMNS, test).to_string()
            print(f"\nTable {2 + number} ({test})\n{printed}")
            frames.append(quality.assign(table="quality", test=test))
        if found.grade:
            grading = grading_table(found, args.n_bootstraps)
            printed = layout(grading, GRADING_COLUMNS, test).to_string()
            print(f"\nTable 4 ({test})\n{printed}")
            frames.append(grading.assign(table="grading", test=test))
        paired = differences(found, PAIRS, args.n_bootstraps)
        if len(paired):
            print(f"\nDifferences ({test})\n{paired.round(3).to_string(index=False)}")
            frames.append(paired.assign(table="difference", test=test))
    if args.gradients:
        study = gradient_study(budget, rows, runs[0], inputs, data, args.device)
        for name, when, measures in study:
            print(name, when, {key: round(value, 4) for key, value in measures.items()})
            frames.append(
                pd.DataFrame(
                    {
                        "table": "gradient",
                        "test": when,
                        "row": name,
                        "measure": list(measures),
                        "value": list(measures.values()),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def main():
    """Fit, tabulate, draw and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--images", type=Path, help="folder of photographs")
    source.add_argument(
        "--make-fundus", type=whole, metavar="N", help="paint so many instead"
    )
    parser.add_argument("--grades", type=Path, help="CSV with columns image, level")
    parser.add_argument(
        "--quality",
        type=Path,
        nargs="+",
        help="CSV with columns image, quality; or three, the paper's parts",
    )
    parser.add_argument(
        "--budget", choices=list(BUDGETS), default="cpu", help="network and epochs"
    )
    parser.add_argument("--weights", help="local file instead of the budget's weights")
    parser.add_argument("--rows", nargs="+", help="only these; --rows ? lists them")
    parser.add_argument("--seeds", type=whole, help="number of seeds")
    parser.add_argument("--folds", type=whole, help="number of folds of patients")
    parser.add_argument(
        "--n-bootstraps", type=whole, default=1000, help="draws of patients"
    )
    parser.add_argument("--n-jobs", type=int, help="fits at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--gradients", action="store_true", help="what the terms ask")
    place = Path(tempfile.gettempdir()) / "sk_fiqdr-paper"
    parser.add_argument("--work", type=Path, default=place, help="fits are kept there")
    parser.add_argument("--out", type=Path, default=Path("paper-tables"))
    args = parser.parse_args()
    budget = BUDGETS[args.budget]
    known = list(make_rows(budget, args.device, args.work))
    if args.rows and set(args.rows) - set(known):
        unknown = sorted(set(args.rows) - set(known))
        parser.error(f"--rows {unknown} are not among {known}")

    start = time.perf_counter()
    data, parts = load(args, parser)
    check(data)
    if args.weights:
        settings = {**budget.settings, "weights": args.weights}
        budget = replace(budget, settings=settings)
    n_seeds, n_folds = args.seeds or budget.n_seeds, args.folds or budget.n_folds
    runs = (
        paper_runs(parts, n_seeds)
        if parts
        else out_of_fold_runs(data, n_seeds, n_folds)
    )
    args.work.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    figures = measure(args, data, parts, budget, runs, args.work)
    for name in ("quality.png", "grading.png"):
        (args.out / name).unlink(missing_ok=True)  # it may have rows of one alone
    figures.to_csv(args.out / "paper.csv", index=False, float_format="%.4f")
    draw_quality(figures, args.out / "quality.png")
    draw_grading(figures, args.out / "grading.png")
    settings = {key: repr(value) for key, value in budget.settings.items()}
    facts = {
        "date": date.today().isoformat(),
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "skorch", "scikit-learn")},
        "sk_fiqdr": sk_fiqdr.__version__,
        "budget": args.budget,
        "network": budget.description,
        "settings": settings,
        "optimizers": {name: repr(o) for name, o in budget.optimizers.items()},
        "n_photographs": len(data.target),
        "n_patients": len(np.unique(data.groups)),
        "source": source_of(args),
        "rows": args.rows or known,
        "photographs": photographs_hash(data),
        "labels": digest(data.target)[:12],
        "seeds": n_seeds,
        "split": "the paper's" if parts else f"{n_folds} folds of patients",
        "n_bootstraps": args.n_bootstraps,
        "minutes": round((time.perf_counter() - start) / 60, 1),
    }
    (args.out / "paper.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(f"\nWritten to {args.out}/ after {facts['minutes']} minutes.")


if __name__ == "__main__":
    main()
