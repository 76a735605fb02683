"""Labels that scikit-learn has numbered anew, so that -1, unknown, became a class."""

from traceback import walk_stack

import numpy as np

from ._classes import MISSING

CALLER = "sklearn.model_selection._validation", "_fit_and_predict"
OF_CLASSES = ("predict_proba", "predict_log_proba", "decision_function")


def refuse_relabelled(estimator):
    """Raise if `fit` is called on columns that cross_val_predict has numbered anew.

    For probabilities it encodes each column of y by a LabelEncoder: -1 becomes 0, and
    behind an absent grade all others move down by one. The labels look right, so only
    the caller shows it. At the end it fails on classes that are not those of a column.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted, of both tasks.

    Raises
    ------
    TypeError
        It names the function for both tasks.
    """
    for frame, _ in walk_stack(None):
        caller = frame.f_globals.get("__name__"), frame.f_code.co_name
        if caller == CALLER and frame.f_locals.get("method") in OF_CLASSES:
            if getattr(frame.f_locals.get("y"), "ndim", 1) == 1:
                continue
            raise TypeError(
                f"cross_val_predict(method={frame.f_locals['method']!r}) relabels each "
                f"column of y as 0, 1, ..., and {type(estimator).__name__} would learn "
                "unknown labels (-1) as a class. Use sk_fiqdr.model_selection."
                "cross_val_predict_tasks(estimator, X, y, groups, cv=5), which returns "
                "the probabilities of both tasks."
            )


ENCODERS = ("classes_", "le_", "_label_encoder", "label_encoder_", "label_binarizer_")


def refuse_unknown_as_class(estimator):
    """Raise if scikit-learn clones the estimator to fit it on an encoded -1.

    Ensembles, CalibratedClassifierCV and cross_val_predict encode y before they fit
    clones. The labels look right then, and only the caller still knows the classes.

    Parameters
    ----------
    estimator : estimator
        The one that is cloned, of one task.

    Raises
    ------
    ValueError
        It names the caller, and says what to do with such rows.
    """
    for frame, _ in [*walk_stack(None)][::-1]:  # who was called first is named
        if not frame.f_globals.get("__name__", "").startswith("sklearn."):
            continue
        names = frame.f_locals
        caller = names.get("self", names.get("ensemble"))
        known = [getattr(caller, "__dict__", {}).get(name) for name in ENCODERS]
        known += [names.get("le"), names.get("classes"), names.get("label_encoder_")]
        for classes in known:
            classes = getattr(classes, "classes_", classes)
            if isinstance(classes, np.ndarray | list) and _holds_unknown(classes):
                who = frame.f_code.co_name if caller is None else type(caller).__name__
                raise ValueError(
                    f"{who} takes unknown labels ({_shown(classes)}) for a class, and "
                    f"{type(estimator).__name__} would learn to predict it. Leave "
                    "rows of unknown label out of X, y and groups there: X[y != -1], "
                    "y[y != -1]."
                )


def _holds_unknown(classes):
    return any(str(label).strip().lower() in MISSING for label in np.ravel(classes))


def _shown(classes):
    labels = np.ravel(classes).tolist()
    return ", ".join(str(v) for v in labels if str(v).strip().lower() in MISSING)
