"""The Markdown that tells people what a saved model is; nothing is read from it."""

import textwrap

from ...utils._printable import printable

TASKS = {
    "FIQDRClassifier": "grades diabetic retinopathy from 0 (none) to 4 (proliferative) "
    "and says whether the photograph is good enough to be graded",
    "QualityClassifier": "says whether a fundus photograph is good enough to be graded",
    "DRGrader": "grades diabetic retinopathy from 0 (none) to 4 (proliferative)",
}
# Parameters that say how it was computed, and nothing of the model.
MACHINERY = ("compile", "device", "use_caching", "verbose", "warm_start")
CARD = """\
---
library_name: sk-fiqdr
tags: [diabetic-retinopathy, fundus, image-quality, scikit-learn, skorch, pytorch]
---

# {name}

**Not a medical device.** This model is for research. It is not validated for
clinical use and must not influence the treatment of patients.

{what}

## Intended use

Research on colour fundus photographs of one eye each. {input}

## Limits

- It knows the cameras, patients and graders of its training data and no others: before
  it says anything on other photographs, measure it on some of them that are labelled.
- It predicts a grade for every image, also if it is not a fundus photograph.
- Its probabilities are not calibrated (see `CalibratedTasksCV`).
- Refusing poor images drops grades unevenly (see `refusal_report`).

## Training data

{data}

## Scores

{scores}

## Training

{training}

## How to load it

```python
from sk_fiqdr import {estimator}

net = {estimator}.from_pretrained({folder!r}{again})
net.predict(X)
```

`model.safetensors` holds the weights, `config.json` everything else; loading runs no
code from either.

Written with {versions}.

The method: K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
OMIA 2018.
"""


def model_card(config, folder):
    """Return the model card of a saved net.

    Parameters
    ----------
    config : dict
        What `config.json` holds.
    folder : str
        Name of the folder.

    Returns
    -------
    card : str
        Markdown.
    """
    estimator = config["estimator"]
    does = TASKS.get(estimator, "is an estimator of somebody's own")
    versions = (f"{name} {version}" for name, version in config["versions"].items())
    return CARD.format(
        name=_cell(folder),
        estimator=estimator,
        folder=folder,
        what=textwrap.fill(f"A `{estimator}` of sk_fiqdr: it {does}.", 88),
        input=_input(config["parameters"], config["fitted"]),
        data="\n\n".join(map(_data, config["training"]["data"])) or "Not known.",
        scores=_scores(config["scores"]),
        training=_training(config),
        again=", backbone=..." if "backbone" in config["not_saved"] else "",
        versions=printable(", ".join(versions)).replace("<", "&lt;"),
    )


def _input(parameters, fitted):
    if "image_size" not in fitted.get("input_", {}):
        return f"Its input is {fitted['n_features_in_']} features of each image."
    size = parameters["image_size"]
    return (
        f"Its input is 8-bit RGB, which it\nbrings to {size} x {size} pixels, padded "
        "with black to a square; prepare photographs as the\ntraining images were."
    )


def _data(summary):
    patients = summary["n_patients"]
    of_patients = "" if patients is None else f" of {patients:,} patients"
    rows = [
        (f"{task} {_class_name(task, name)}", f"{count:,}")
        for task, labels in summary["labels"].items()
        for name, count in [*labels["counts"].items(), ("unknown", labels["n_unknown"])]
    ]
    return (
        f"{summary['n_samples']:,} images{of_patients}, given as {summary['kind']}.\n\n"
        f"{_table(('label', 'images'), rows)}\n\n"
        f"SHA-256 of names or pixels, and labels: `{summary['sha256']}`"
    )


def _class_name(task, name):
    words = {"0": "0, poor", "1": "1, good"} if task == "quality" else {}
    return words.get(name, name)


def _scores(scores):
    if not scores:
        return (
            "None were given. They come from `save_pretrained(folder, scores=...)`, "
            "such as\n`fiqdr_scoring(net, X_test, y_test)`."
        )
    rows = [
        (name, "not defined" if score is None else f"{score:.4g}")
        for name, score in scores.items()
    ]
    return _table(("score", "value"), rows)


def _training(config):
    parameters = {**config["parameters"], **config["not_saved"]}
    rows = [
        (_code(name), _code(value))
        for name, value in sorted(parameters.items())
        if name not in MACHINERY and value is not None
    ]
    epochs = config["training"].get("epochs", "not known")
    return f"Epochs: {epochs}.\n\n{_table(('parameter', 'value'), rows)}"


def _table(head, rows):
    rows = [head, ("---", "---"), *rows]
    return "\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows)


def _code(value):
    return "`" + str(value).replace("`", "'") + "`"


def _cell(value):
    """Return text that stays within its cell of a table."""
    text = printable(" ".join(str(value).split()))
    text = (text if len(text) <= 70 else text[:67] + "...").replace("|", "\\|")
    return text if text[:1] == "`" else text.replace("<", "&lt;")
