"""A trained model: its folder, the files beside it, and its predictions."""

import os
from pathlib import Path

from ..utils._csv_cells import from_text
from ..utils._quiet import quiet

N_AT_ONCE = 256  # images to predict together: it bounds memory
SPLIT = "split.csv"
GRADED, DAMAGED = "graded", "damaged"
UNREADABLE, NOT_FINITE = "unreadable", "not finite"
ASIDE = "left aside"
STATUSES = (GRADED, DAMAGED, UNREADABLE, NOT_FINITE, ASIDE)
ESTIMATORS = ("DRGrader", "FIQDRClassifier", "QualityClassifier")


def model_folder(folder):
    """Return where the model lies in a folder that a command was given.

    Parameters
    ----------
    folder : Path
        Of `sk-fiqdr train`, of `sk-fiqdr demo`, or of `save_pretrained`.

    Returns
    -------
    folder : Path
        That of `save_pretrained`.

    Raises
    ------
    FileNotFoundError
        If there is none, with what the folder holds.
    """
    from ..estimators._saving._saved_format import CONFIG

    for place in (folder, folder / "model"):
        if (place / CONFIG).is_file():
            return place
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
    elif (folder / "checkpoints").is_dir():
        what = "holds a training that has not ended: give its train command again"
    else:
        names = sorted(os.listdir(folder))[:5]
        what = f"holds {', '.join(names)}" if names else "is empty"
    raise FileNotFoundError(
        f"{str(folder)!r} is not a trained-model folder: it {what}. Expected what "
        "`sk-fiqdr train --output` or `save_pretrained` wrote, with "
        f"{CONFIG} and model.safetensors."
    )


def load_model(folder, **parameters):
    """Return the net of a folder, whichever estimator it is.

    Parameters
    ----------
    folder : Path
        As for `model_folder`.
    **parameters : dict
        To be set differently.

    Returns
    -------
    net : FundusNet
        The fitted net.
    """
    import sk_fiqdr

    from ..estimators._saving._saved_format import CONFIG, read_config

    folder = model_folder(folder)
    name = read_config(folder / CONFIG)["estimator"]
    if name not in ESTIMATORS:
        raise ValueError(
            f"{str(folder)!r} holds a {name!r}, expected one of "
            f"{', '.join(ESTIMATORS)}. Load a class of your own in Python."
        )
    net = getattr(sk_fiqdr, name).from_pretrained(folder, **parameters)
    for task in net._tasks:
        if numbers_of(net, task) is None:
            raise ValueError(_unknown_classes(net, task, folder))
    return net


def numbers_of(net, task):
    """Return what the classes of a task mean: 0 to 4; or 0 poor, 1 good.

    Parameters
    ----------
    net : FundusNet
        The net.
    task : Task
        One of its tasks.

    Returns
    -------
    numbers : list of int or None
        None where the classes are other labels than these, or words for them.
    """
    from ..utils._label_words import class_numbers

    return class_numbers(task, list(task.classes), getattr(net, "poor_label", None))


def _unknown_classes(net, task, folder):
    import numpy as np

    name = type(net).__name__
    classes = ", ".join(map(repr, np.asarray(task.classes).tolist()))
    found = f"The {name} in {str(folder)!r} has the classes {classes}, which"
    if task.name == "quality":
        return (
            f"{found} do not say which one means poor. Say it once in Python: "
            f"{name}.from_pretrained({str(folder)!r}, poor_label=...)"
            f".save_pretrained({str(folder)!r}, overwrite=True)."
        )
    return (
        f"{found} are neither grades 0 to 4 nor words for them. Commands write grades: "
        "train on y.map({...}) with a grade for each class, or predict in Python."
    )


def trained_patients(folder):
    """Return the patients that a model of `sk-fiqdr train` was trained on.

    Parameters
    ----------
    folder : Path
        As for `model_folder`.

    Returns
    -------
    patients : set of str or None
        None where no file tells.
    """
    trained = trained_rows(folder)
    return None if trained is None else set(trained["patient"])


def trained_rows(folder):
    """Return what split.csv says of the images that a model was trained on.

    Parameters
    ----------
    folder : Path
        As for `model_folder`.

    Returns
    -------
    rows : DataFrame or None
        With columns image, patient and part; None if there is no such file.
    """
    place = model_folder(folder)
    for path in (place / SPLIT, place.parent / SPLIT):
        if path.is_file():
            split = _read_split(path)
            return split[split["part"] == "train"]
    return None


def _read_split(path):
    import pandas as pd

    try:
        split = pd.read_csv(path, dtype=str, keep_default_na=False)
        found = ", ".join(split.columns)
    except ValueError as error:  # empty, incomplete, or not UTF-8
        split, found = pd.DataFrame(), str(error)
    if {"image", "patient", "part"} - set(split.columns):
        raise ValueError(
            f"{str(path)!r} holds {found!r:.200}, expected image, patient and part: it "
            "was not written by sk-fiqdr train. Restore it, or remove it to evaluate "
            "without knowing whose images were trained on."
        )
    return split.map(from_text)


def last_status(net):
    """Return what the last call of a net could not read, or read from damaged files.

    Parameters
    ----------
    net : FundusNet
        The net.

    Returns
    -------
    status : DataFrame
        Columns status and error, as in `predictions`; without those that are graded.
    """
    import pandas as pd

    found = {UNREADABLE: net.unreadable_, DAMAGED: net.damaged_}
    rows = [(kind, text) for kind, texts in found.items() for text in texts.values()]
    return pd.DataFrame(rows, columns=["status", "error"], dtype=str)


def predictions(net, paths, show):
    """Yield the predictions of a net, some images at a time.

    Parameters
    ----------
    net : FundusNet
        With ``on_error="skip"`` where files may be unreadable.
    paths : list of str
        The images.
    show : callable
        Called with the number that is done.

    Yields
    ------
    frame : DataFrame
        path, and for the tasks of the net: grade, p_grade_0 to p_grade_4, and, where
        cut-points decide, expected_grade and most_probable_grade; quality, p_good;
        status: graded, damaged (graded all the same), unreadable or not finite;
        error, what is wrong with it.
    """
    for start in range(0, len(paths), N_AT_ONCE):
        part = paths[start : start + N_AT_ONCE]
        with quiet(UserWarning, message=r"\d+ of \d+ images are damaged"):
            frame = _predict(net, part)
        yield frame
        show(start + len(part))


def _predict(net, paths):
    import numpy as np
    import pandas as pd

    from ..utils._labels import most_probable

    tasks = net._tasks
    probabilities = (
        net.predict_tasks(paths) if len(tasks) == 2 else [net.predict_proba(paths)]
    )
    frame = pd.DataFrame({"path": [Path(path).as_posix() for path in paths]})
    for task, proba in zip(tasks, probabilities, strict=True):
        classes = np.array(numbers_of(net, task))
        read = ~np.isnan(proba).any(axis=1)
        best = most_probable(proba, classes)
        tuned = task.name == "grade" and hasattr(net, "grade_cut_points_")
        frame[task.name] = _labels(net._decide_grade(proba) if tuned else best, read)
        if task.name == "grade":
            for at in classes.argsort():
                frame[f"p_grade_{classes[at]}"] = proba[:, at].round(6)
            if tuned:
                frame["expected_grade"] = (proba @ classes).round(6)
                frame["most_probable_grade"] = _labels(best, read)
        else:
            frame["p_good"] = proba[:, list(classes).index(1)].round(6)
    errors = net.damaged_ | net.unreadable_
    frame["error"] = [errors.get(str(path), "") for path in paths]
    unread = pd.Series([str(path) in net.unreadable_ for path in paths])
    damaged = frame["error"].ne("") & ~unread
    infinite = np.isnan(probabilities[0]).any(axis=1) & ~unread
    frame.insert(frame.columns.get_loc("error"), "status", GRADED)
    frame.loc[damaged, "status"] = DAMAGED
    frame.loc[unread, "status"] = UNREADABLE
    frame.loc[infinite, ["status", "error"]] = (
        NOT_FINITE,
        "the network's outputs for this image are not finite numbers: train it again",
    )
    return frame


def _labels(labels, read):
    import pandas as pd

    column = pd.array(labels, dtype="Int64")
    column[~read] = pd.NA
    return column
