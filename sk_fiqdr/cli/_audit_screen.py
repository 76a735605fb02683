"""What `sk-fiqdr audit` shows first: one screen, and the command to type next."""

import math
import os
import shlex

from ..utils._image_files import describe_aside, may_be_photographs
from ..utils._printable import printable

COLUMNS, LINES = 80, 24
LARGE = 1024  # pixels of the shorter side, above which preparing pays
SMALL = 224  # below which details are lost
RARE = 10  # images of a class, fewer of which nothing can be learned from
SHOWN = 24  # characters of a name
FAR = 3  # grades between the eyes of a patient
OWN = ("labels", "eyeq", "grade-folders", "quality-folders")  # not a set's own tree


def screen(data, found, steps, head=()):
    """Return what was found, in one screen.

    Parameters
    ----------
    data : Bunch
        From a reader.
    found : DatasetAudit
        Of it.
    steps : list of str
        What to do next.
    head : sequence of str, default=()
        Lines that stand above, and need room.

    Returns
    -------
    text : str
        At most `LINES` lines with `head`, none longer than `COLUMNS` but for commands
        with long paths.
    """
    facts = [_one_line(f"{name:<10} {text}") for name, text in _facts(data, found)]
    doubts = _doubts(data, found)
    used = sum(map(_height, (*head, *facts, *steps))) + 2  # two headings
    room = max(LINES - used, 2)
    if len(doubts) > room:
        doubts, more = doubts[: room - 1], len(doubts) - room + 1
        doubts.append(f"and {more} more: --table summary, labels, patients ...")
    lines = facts
    if doubts:
        lines += ["Look at:", *(_one_line(f"  {doubt}") for doubt in doubts)]
    return "\n".join([*lines, "Next:", *steps])


def _height(line):
    return sum(math.ceil(max(len(part), 1) / COLUMNS) for part in line.split("\n"))


def _one_line(text):
    text = printable(text)
    return text if len(text) <= COLUMNS else text[: COLUMNS - 3] + "..."


def _facts(data, found):
    count = found.frame("summary")["count"]
    sizes = found.frame("patients").index
    least, most = sizes.min(), sizes.max()
    each = f"{least}" + f" to {most}" * int(most > least)
    eyes = count["patients with both eyes graded"]
    differ = count["left and right grades differ"]
    copies = ", ".join(f"{count[f'{k} duplicates']} {k}" for k in ("exact", "near"))
    shown = {
        "Patients": f"{_patients(data, count['patients'])}; images of each: {each}",
        "Eyes": f"both graded of {_n(eyes, 'patient')}, differently of {differ}",
        "Grades": _counts(count, "grade", {n: n for n in range(5)}),
        "Qualities": _counts(count, "quality", {0: "poor", 1: "good"}),
        "Pixels": _pixels(found.images),
        "Copies": copies,
        "Split hash": found.split_hash,
    }
    return shown.items()


def _patients(data, n_patients):
    n_unknown = data.report.get("n_images_of_unknown_patient", 0)
    if n_unknown == len(data.data):
        return "unknown, each image counts as one"
    if data.get("patient_column"):
        how = f"by the column {data.patient_column!r}"
    elif data.get("layout", OWN[0]) in OWN:
        known = data.frame.index[data.frame["eye"] != ""]
        example = f", as {data.frame['image'][known[0]]!r}" if len(known) else ""
        how = f"by the names of images{example}"
    else:
        how = "as the data set names them"
    unknown = f", unknown of {n_unknown} images" if n_unknown else ""
    return f"{n_patients} {how}{unknown}"


def _counts(count, task, labels):
    shown = [f"{label}: {count[f'{task} {n}']}" for n, label in labels.items()]
    return ", ".join([*shown, f"unknown: {count[f'{task} unknown']}"])


def _pixels(images):
    read = images[images["reason"] == ""]
    if read.empty:
        return "no image can be read"
    size = read["width"] * read["height"]
    least, most = (read.loc[at, ["width", "height"]] for at in _ends(size))
    shown = dict.fromkeys(f"{width} x {height}" for width, height in (least, most))
    return " to ".join(shown)


def _ends(size):
    return size.idxmin(), size.idxmax()


def _doubts(data, found):
    """Return what is unusual, the worst first."""
    count = found.frame("summary")["count"]
    return [
        *_doubtful_files(data, found),
        *_doubtful_copies(count),
        *_doubtful_rows(data.report),
        *_doubtful_labels(found, count),
    ]


def _doubtful_files(data, found):
    unreadable = found.frame("unreadable")["path"].map(os.path.basename)
    if len(unreadable):
        yield f"{_files(unreadable)} cannot be read: --table unreadable"
    reasons = dict(data.left_aside[["path", "reason"]].to_numpy().tolist())
    if doubtful := may_be_photographs(reasons):
        yield f"left aside, and perhaps photographs: {describe_aside(doubtful)}"
    n_unknown = data.report.get("n_images_of_unknown_patient", 0)
    if n_unknown:
        images = _n(n_unknown, "image")
        yield f"{images} of unknown patients: name them in a column patient_id"
    read = found.images[found.images["reason"] == ""]
    small = (read[["width", "height"]].min(axis=1) < SMALL).sum()
    if small:
        yield f"{_n(small, 'image')} of less than {SMALL} pixels: --table images"


def _n(n, thing):
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _files(names):
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names.iloc[0][:SHOWN]}{more}"


def _doubtful_copies(count):
    for kind in ("exact", "near"):
        for what, why in {
            "across patients": "of several patients",
            "with two labels": "with two labels",
        }.items():
            if n := count[f"{kind} duplicates: groups {what}"]:
                groups = f"{_n(n, 'group')} of {kind} copies"
                yield f"{groups} {why}: --table {kind}_duplicates"


def _doubtful_rows(report):
    for source in ("grade", "quality", "label"):
        kind = {"label": "labels"}.get(source, f"{source} labels")
        if n := report.get(f"n_images_without_{source}_row"):
            yield f"{_n(n, 'image')} without a row of {kind}: --table images"
        if n := report.get(f"n_{source}_rows_without_image"):
            yield f"{_n(n, 'row')} of {kind} without an image here"
    if n := report["n_repeated_names"]:
        yield f"{_n(n, 'image')} with a name that is in another folder, too"


def _doubtful_labels(found, count):
    for task, labels in {"grade": range(5), "quality": (0, 1)}.items():
        counts = {label: count[f"{task} {label}"] for label in labels}
        rare = [f"{label} ({n})" for label, n in counts.items() if n < RARE]
        if sum(counts.values()) and rare:
            yield f"{task} of fewer than {RARE} images: {', '.join(rare)}"
    if count["quality 0"] > count["quality 1"]:
        yield "more poor than good: if it is the other way round, see --poor-label"
    far = (found.frame("disagreements")["difference"] >= FAR).sum()
    if far:
        patients = _n(far, "patient")
        yield f"{patients} with eyes {FAR} or more grades apart: --table disagreements"


def next_steps(images, data, found, options):
    """Return the commands to type next, indented, with a word where one is needed.

    Parameters
    ----------
    images : Path
        Folder.
    data : Bunch
        From a reader; without `layout` if there are no labels.
    found : DatasetAudit
        Of it.
    options : dict
        Options that say how labels are read, by name; they are passed on.

    Returns
    -------
    steps : list of str
        Lines.
    """
    read = found.images[found.images["reason"] == ""]
    if read.empty:
        return _command("audit", images, {"table": "unreadable"})
    if "layout" not in data:
        return [
            "  write labels.csv: columns image, and level (0 to 4) or quality (1, 0)",
            *_command("audit", images, {"grades": ["labels.csv"]}),
        ]
    unread = {"on-error": "skip"} if len(read) < len(found.images) else {}
    is_large = read[["width", "height"]].min(axis=1).median() > LARGE
    if is_large and data.layout in OWN:
        prepared = images.with_name(f"{images.resolve().name}-512")
        return [
            *_command("prepare", images, {"": prepared}),
            *_command("audit", prepared, data.label_files | options),
        ]
    return _command("train", images, options | unread | {"output": "my-model"})


def _command(name, folder, options):
    """Return one command, an option a line where it does not fit into one."""
    words = [f"sk-fiqdr {name} {shlex.quote(str(folder))}"]
    for option, values in options.items():
        for value in values if isinstance(values, list) else [values]:
            mark = f"--{option} " if option else ""
            words.append(mark + shlex.quote(str(value)))
    line = "  " + " ".join(words)
    return [line] if len(line) <= COLUMNS else ["  " + " \\\n      ".join(words)]
