"""What `train` and `search` share: data, the net, and its progress."""

from ..datasets import load_folder
from ._messages import count_files, log


def load(images, grades, quality, layout="auto", patient_column=None, poor_label=None):
    """Read images and labels as options say, and log what was found.

    Parameters
    ----------
    images : Path
        Folder.
    grades, quality : list of Path or None
        Label files.
    layout : str, default="auto"
        Which set or kind of labels it is.
    patient_column : str, default=None
        Column that names patients; "none" reads them from the names of images.
    poor_label : str, default=None
        Which of two labels means poor.

    Returns
    -------
    data : Bunch
        From `load_folder`.

    Raises
    ------
    ValueError
        If there are no labels.
    """
    data = read_folder(images, grades, quality, layout, patient_column, poor_label)
    log(read_as(data))
    log_found(data)
    grade, quality = data.target.T
    log(
        f"{describe_patients(data)}; {(grade >= 0).sum()} graded, "
        f"{(quality >= 0).sum()} with a quality, {(quality == 0).sum()} of them poor."
    )
    return data


def read_folder(images, grades, quality, layout, patient_column, poor_label):
    """Read images and labels as options say; parameters and result are `load`'s."""
    return load_folder(
        images,
        grades or None,
        quality or None,
        layout=layout,
        patient_column=False if patient_column == "none" else patient_column,
        poor_label=poor_label,
    )


def read_as(data):
    """Say which layout a folder was read as, and how its labels are counted."""
    return f"Read as {data.layout}: {data.counted}."


def describe_patients(data, rows=slice(None)):
    """Return the number of images, and of patients where they are known, in words.

    Parameters
    ----------
    data : Bunch
        From a reader.
    rows : slice or ndarray, default=slice(None)
        Which of its rows.

    Returns
    -------
    words : str
        Such as "60 images of 30 patients", or "60 images, patients unknown".
    """
    n, n_unknown = len(data.data[rows]), n_of_unknown_patients(data)
    if n_unknown:
        share = "" if n_unknown == len(data.data) else f" of {n_unknown}"
        return f"{n} images, patients{share} unknown"
    return f"{n} images of {len(set(data.groups[rows]))} patients"


def describe_held_out(data, n_images):
    """Return the number of held-out images, and whose they are, in words.

    Parameters
    ----------
    data : Bunch
        From a reader.
    n_images : int
        Number of held-out images.

    Returns
    -------
    words : str
        Patients are named only where they are known.
    """
    if n_of_unknown_patients(data):
        return f"{n_images} images held out; the same patients may be trained on"
    return f"{n_images} images of patients that were held out"


def n_of_unknown_patients(data):
    """Return the number of images whose patient is unknown.

    Parameters
    ----------
    data : Bunch
        From a reader.

    Returns
    -------
    n_images : int
        Neither the name nor a column names their patients.
    """
    return data.report.get("n_images_of_unknown_patient", 0)


def log_found(data, counts=None):
    """Log what `sum_of_files` says; parameters are the same."""
    log(sum_of_files(data, counts))


def sum_of_files(data, counts=None):
    """Account for every file of the folder: images and what is left aside.

    Parameters
    ----------
    data : Bunch
        From a reader.
    counts : dict of int, default=None
        Images by what became of them; by default only how many there are.

    Returns
    -------
    line : str
        From `count_files`.
    """
    from ..utils._image_files import describe_aside

    aside = dict(zip(*data.left_aside[["path", "reason"]].to_numpy().T, strict=True))
    counts = {"images": len(data.data)} if counts is None else counts
    return count_files({**counts, "left aside": len(aside)}, describe_aside(aside))


def hold_out(data, test_size, random_state):
    """Return the rows to train and to score on, the same for `train` and `search`.

    Parameters
    ----------
    data : Bunch
        From `load`.
    test_size : float
        Share of patients to hold out; 0 holds out none.
    random_state : int
        Seed.

    Returns
    -------
    train, test : ndarray
        Rows.
    """
    import numpy as np

    from ..model_selection import patient_train_test_split

    rows = np.arange(len(data.data))
    if not test_size:
        return rows, rows[:0]
    train, test, *_ = patient_train_test_split(
        rows, data.target, data.groups, test_size=test_size, random_state=random_state
    )
    return train, test


def make_net(settings, **parameters):
    """Return the classifier for options.

    Parameters
    ----------
    settings : dict
        Options of the command, by name.
    **parameters : dict
        Others of the classifier.

    Returns
    -------
    net : FIQDRClassifier
        Not fitted.
    """
    from .. import FIQDRClassifier
    from ._progress_by_epoch import EpochTicks

    of_net = FIQDRClassifier().get_params(deep=False)
    chosen = {
        name: value
        for name, value in settings.items()
        if name in of_net or name.startswith("module__")
    }
    if chosen.get("early_stopping") is not None:
        from ..model_selection import PatientValidSplit

        parameters["train_split"] = PatientValidSplit(
            0.15, random_state=chosen["random_state"]
        )
    if "weights" in chosen:
        chosen["weights"] = weights_of(chosen["weights"])
    n_workers = settings["num_workers"]
    return FIQDRClassifier(
        **chosen,
        iterator_train__num_workers=n_workers,
        iterator_valid__num_workers=n_workers,
        callbacks=[("progress", EpochTicks())],
        **parameters,
    )


def frozen_settings(backbone, progress):
    """Return the parameters of a net whose heads alone are trained.

    Parameters
    ----------
    backbone : str
        Option.
    progress : bool
        Whether to show how many images are done.

    Returns
    -------
    parameters : dict
        Of the classifier.
    """
    from ..modules._efficientnet_lite import NAMES

    has_stages = backbone in NAMES or backbone.startswith("timm/")
    return {
        "freeze": True,
        "solver": "ridge",
        "verbose": int(progress),
        "module__pooling": "stages" if has_stages else "mean",
    }


def weights_of(text):
    """Return the weights that an option means.

    Parameters
    ----------
    text : str
        "auto", "DEFAULT", "none" or a path.

    Returns
    -------
    weights : str or None
        As `FIQDRClassifier` takes it.
    """
    return None if text == "none" else text


def beta_of(text):
    """Return the weight of poor images that an option means.

    Parameters
    ----------
    text : str
        A number, or "balanced".

    Returns
    -------
    beta : float or str
        As `FIQDRClassifier` takes it.
    """
    if text == "balanced":
        return text
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"--beta must be a number, or balanced, got {text!r}."
        ) from None
