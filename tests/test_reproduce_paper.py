"""The paper's tables on painted photographs, by the command itself."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import cohen_kappa_score

from sk_fiqdr.datasets import load_kaggle_dr, make_fundus

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ROWS = ["L_q0, Momentum", "L_q3, Momentum", "Single-task", "Multi-task"]
SOME = ["--budget", "test", "--n-jobs", "1", "--n-bootstraps", "50", "--rows", *ROWS]

sys.path.insert(0, str(BENCHMARKS))
tables = pytest.importorskip("paper.tables")


def command(*arguments):
    script = str(BENCHMARKS / "reproduce_paper.py")
    return [sys.executable, script, *map(str, arguments)]


def run(*arguments, expected=0):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SK_FIQDR_DATA": ""}
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, env=environment
    )
    assert done.returncode == expected, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs with labels in files, as the contest has them."""
    folder = tmp_path_factory.mktemp("contest ü")
    eyes = make_fundus(
        36, image_size=32, poor_fraction=0.4, grade_fractions="balanced", random_state=0
    )
    names = eyes.frame["patient"] + "_" + eyes.frame["eye"]
    for name, pixels in zip(names, eyes.data, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.jpeg")
    grades, qualities = eyes.target.T
    pd.DataFrame({"image": names, "level": grades}).to_csv(
        folder / "grades.csv", index=False
    )
    labels = pd.DataFrame({"image": names, "quality": qualities})
    labels.to_csv(folder / "quality.csv", index=False)
    for part, rows in {
        "a": slice(0, 20),
        "b": slice(20, 28),
        "c": slice(28, 36),
    }.items():
        labels[rows].to_csv(folder / f"{part}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def first(folder, tmp_path_factory):
    """Run the command once: what it printed, its folder of tables and of fits."""
    out = tmp_path_factory.mktemp("tables")
    printed = run(*of(folder), *SOME, "--work", out / "work", "--out", out)
    return printed, out


def of(folder):
    labels = "--grades", folder / "grades.csv", "--quality", folder / "quality.csv"
    return "--images", folder, *labels


def test_a_command_makes_tables_figures_and_what_repeats_them(first):
    printed, out = first
    for table in ("Table 1", "Table 2", "Table 4", "Differences"):
        assert table in printed
    figures = pd.read_csv(out / "paper.csv")
    assert set(figures.table) == {"quality", "grading", "difference"}
    facts = json.loads((out / "paper.json").read_text())
    assert facts["n_photographs"] == 36
    assert facts["n_patients"] == 18
    for name in ("quality", "grading"):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.width > 300


def test_a_second_run_fits_nothing_and_repeats_the_tables(folder, first, tmp_path):
    _, out = first
    fits = {path: path.stat().st_mtime_ns for path in (out / "work").glob("*.npz")}
    assert len(fits) == 2 * len(ROWS)
    run(*of(folder), *SOME, "--work", out / "work", "--out", tmp_path)
    assert fits == {p: p.stat().st_mtime_ns for p in (out / "work").glob("*.npz")}
    assert (tmp_path / "paper.csv").read_bytes() == (out / "paper.csv").read_bytes()


def test_a_killed_run_goes_on_and_ends_with_the_same_tables(folder, first, tmp_path):
    _, out = first
    work, tables_out = tmp_path / "work", tmp_path / "tables"
    arguments = [*of(folder), *SOME, "--work", work, "--out", tables_out]
    process = subprocess.Popen(
        command(*arguments),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and len(list(work.glob("*.npz"))) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tables_out / "paper.csv").exists()
    run(*arguments)
    assert (tables_out / "paper.csv").read_bytes() == (out / "paper.csv").read_bytes()


def test_the_papers_own_split_stands_beside_the_papers_values(folder, tmp_path):
    files = [folder / f"{part}.csv" for part in "abc"]
    labels = "--grades", folder / "grades.csv", "--quality", *files
    places = "--work", tmp_path, "--out", tmp_path
    rows = "--rows", "L_q3, Momentum", "Single-task", "--seeds", "1"
    printed = run("--images", folder, *labels, *SOME[:6], *rows, *places)
    assert "Table 2 (Validation)" in printed
    assert "Table 3 (Testing)" in printed
    assert "0.962" in printed  # the paper's mean_acc of L_q3
    assert "34298" in printed  # the paper's right predictions on the testing set
    figures = pd.read_csv(tmp_path / "paper.csv")
    assert set(figures.test) == {"Validation", "Testing"}


def test_a_folder_with_one_part_only_is_split_by_patients(folder, tmp_path):
    (tmp_path / "elsewhere.csv").write_text("image,quality\n99_left,1\n")
    files = folder / "quality.csv", tmp_path / "elsewhere.csv", folder / "b.csv"
    labels = "--grades", folder / "grades.csv", "--quality", *files
    places = "--work", tmp_path / "w", "--out", tmp_path / "o"
    printed = run(
        "--images", folder, *labels, *SOME[:6], "--rows", "Single-task", *places
    )
    assert "folds instead" in printed
    assert "Out of fold" in printed


def test_labels_and_photographs_that_change_are_fitted_anew(folder, first, tmp_path):
    """Each row of the second run would be the first's, were names all that counts."""
    _, out = first
    work = tmp_path / "work"
    shutil.copytree(out / "work", work)
    n_fits = len(list(work.glob("*.npz")))
    labels = pd.read_csv(folder / "quality.csv")
    turned = tmp_path / "turned.csv"
    labels.assign(quality=1 - labels["quality"]).to_csv(turned, index=False)
    args = ["--images", folder, "--grades", folder / "grades.csv", *SOME]
    run(*args, "--quality", turned, "--work", work, "--out", tmp_path / "b")
    assert len(list(work.glob("*.npz"))) == 2 * n_fits
    images = tmp_path / "prepared anew"
    images.mkdir()
    for path in folder.glob("*.jpeg"):
        Image.open(path).rotate(180).save(images / path.name)
    args = ["--images", images, "--grades", folder / "grades.csv", *SOME]
    quality = ["--quality", folder / "quality.csv"]
    run(*args, *quality, "--work", work, "--out", tmp_path / "c")
    assert len(list(work.glob("*.npz"))) == 3 * n_fits


def test_a_damaged_fit_is_made_again(folder, first, tmp_path):
    _, out = first
    work = tmp_path / "work"
    shutil.copytree(out / "work", work)
    damaged = sorted(work.glob("*.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:100])
    args = [*of(folder), *SOME, "--work", work, "--out", tmp_path / "again"]
    assert f"{damaged} is damaged" in run(*args)
    again = (tmp_path / "again" / "paper.csv").read_text()
    assert again == (out / "paper.csv").read_text()


def test_parts_that_share_a_patient_are_refused(folder, tmp_path):
    labels = pd.read_csv(folder / "quality.csv")
    left = labels["image"].str.endswith("_left")
    parts = [labels[left], labels[~left][:8], labels[~left][8:]]
    files = [tmp_path / f"{name}.csv" for name in "abc"]
    for file, part in zip(files, parts, strict=True):
        part.to_csv(file, index=False)
    args = ["--images", folder, "--grades", folder / "grades.csv", *SOME]
    told = run(*args, "--quality", *files, "--out", tmp_path / "out", expected=2)
    assert "training and validation file share patients" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "Single-task", "Nonsense"], "['Nonsense'] are not among ["),
        (["--seeds", "0"], "must be 1 or more, got 0"),
        (["--folds", "-1"], "must be 1 or more, got -1"),
        (["--make-fundus", "20"], "not allowed with argument"),
        (["--quality", "{a}", "{b}"], "takes one file, or the paper's three"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, message, folder, tmp_path):
    files = {name: folder / f"{name}.csv" for name in "ab"}
    arguments = [argument.format(**files) for argument in arguments]
    args = [*of(folder), "--budget", "test", "--out", tmp_path / "out", *arguments]
    assert message in " ".join(run(*args, expected=2).split())


def test_one_class_only_is_refused_with_the_way_out(folder, tmp_path):
    grades = pd.read_csv(folder / "grades.csv").assign(level=2)
    grades.to_csv(tmp_path / "grades.csv", index=False)
    places = "--work", tmp_path, "--out", tmp_path
    files = "--images", folder, "--grades", tmp_path / "grades.csv"
    printed = run(*files, "--quality", folder / "quality.csv", *places, expected=1)
    assert "grades hold 1 class(es), [2]" in printed


def test_missing_quality_labels_are_refused_with_the_way_out(folder, tmp_path):
    places = "--work", tmp_path, "--out", tmp_path
    files = "--images", folder, "--grades", folder / "grades.csv"
    printed = run(*files, *places, expected=1)
    assert "quality labels hold 0 class(es)" in printed


def test_tables_agree_with_scikit_learn_and_empty_strata_are_nan():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, 60), np.ones(60, dtype=int)])
    groups = np.arange(60) // 2
    proba = rng.dirichlet(np.ones(5), 60).astype(np.float32)

    class Data:
        target, data = y, np.arange(60)

    Data.groups = groups
    (runs,) = [[type("Run", (), {"seed": 0, "tests": {"All": np.arange(60)}})]]
    answers = tables.Answers(Data, runs, {"net": [{("All", "grade"): proba}]}, "All")
    frame = tables.grading_table(answers, 20).set_index(["decision", "measure"])
    expected = cohen_kappa_score(
        y[:, 0], proba.argmax(axis=1), weights="quadratic", labels=range(5)
    )
    assert frame.loc[("argmax", "kappa"), "value"] == pytest.approx(expected)
    assert np.isnan(frame.loc[("argmax", "kappa_poor"), "value"])
    assert (
        "nan" in tables.layout(frame.reset_index(), tables.GRADING_COLUMNS).to_string()
    )


def test_cut_points_of_a_table_are_tuned_on_other_patients_only():
    """With labels drawn by lot, tuning on the rows themselves would score above 0."""
    rng = np.random.default_rng(1)
    kappas = []
    for _ in range(20):
        y = np.column_stack([rng.integers(0, 5, 80), rng.integers(0, 2, 80)])
        data = type("Data", (), {"target": y, "data": np.arange(80)})
        data.groups = np.arange(80) // 2
        run = type("Run", (), {"seed": 0, "tests": {"All": np.arange(80)}})
        proba = rng.dirichlet(np.ones(5), 80)
        answers = tables.Answers(
            data, [run], {"net": [{("All", "grade"): proba}]}, "All"
        )
        kappas.append(
            cohen_kappa_score(
                y[:, 0], answers.tuned["net"], weights="quadratic", labels=range(5)
            )
        )
    assert abs(np.mean(kappas)) < 0.08


@pytest.mark.parametrize(
    ("difference", "lower", "upper", "patients"),
    [(0.02, -0.02, 0.06, 400), (-0.1, -0.15, -0.05, 25), (0.0, -1, 1, np.nan)],
)
def test_patients_to_decide_go_with_the_square_of_the_width(
    difference, lower, upper, patients
):
    found = tables.patients_to_decide(difference, lower, upper, 100)
    assert found == pytest.approx(patients, nan_ok=True)


@pytest.mark.realdata
def test_table_1_of_the_real_photographs_has_the_counts_of_their_readme(real_data):
    labels = real_data / "labels"
    data = load_kaggle_dr(
        labels.parent / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    table = tables.table1(data)
    assert table.loc["All", ["good", "poor", "all"]].tolist() == [3153, 145, 3298]


ROOT = Path(__file__).parents[1]
QUALITY = [(None, name) for name in ("mean_acc", "specificity", "sensitivity")]
GRADING = [
    ("argmax", "kappa"),
    ("tuned", "kappa"),
    ("tuned", "kappa_good"),
    ("tuned", "kappa_poor"),
]


@pytest.mark.parametrize(
    ("table", "columns"), [("quality", QUALITY), ("grading", GRADING)]
)
def test_the_tables_of_the_guide_are_the_tracked_ones(table, columns):
    figures = pd.read_csv(ROOT / "benchmarks" / "results" / "paper.csv")
    figures = figures[figures["table"] == table].set_index("row")
    page = (ROOT / "docs" / "user_guide" / "does_quality_help.rst").read_text()
    for row in figures.index.unique():
        cells = []
        for decision, measure in columns:
            found = figures.loc[row]
            found = found[found["measure"] == measure]
            if decision:
                found = found[found["decision"] == decision]
            value, lower, upper = found[["value", "lower", "upper"]].iloc[0]
            cells.append(f"{value:.3f} ({lower:.3f}, {upper:.3f})")
        line = re.compile(
            rf"^{re.escape(row)} +{' +'.join(map(re.escape, cells))}$", re.M
        )
        assert line.search(page), f"{row}: {cells}"
