"""The command `sk-fiqdr`: parses, calls the library, prints. A module a command."""

from ._app import app
from ._audit import audit
from ._demo import demo
from ._evaluate import evaluate
from ._export import export
from ._info import info
from ._predict import predict
from ._prepare import prepare
from ._search import search
from ._train import train

__all__ = ["app"]

# In the order in which they are used, which is the order of `sk-fiqdr --help`.
for command, example in {
    demo: "sk-fiqdr demo --folder my-first-run",
    prepare: "sk-fiqdr prepare train/ train-512/ --size 512",
    audit: "sk-fiqdr audit images/ --grades trainLabels.csv --picture audit.png",
    search: "sk-fiqdr search images/ --grades trainLabels.csv --quality quality.csv "
    "--beta 1,9,27 --frozen --output my-search",
    train: "sk-fiqdr train images/ --grades trainLabels.csv --quality quality.csv "
    "--output my-model",
    predict: "sk-fiqdr predict my-model images/ --output graded.csv",
    evaluate: "sk-fiqdr evaluate my-model images/ --grades trainLabels.csv "
    "--quality quality.csv --report report.html",
    export: "sk-fiqdr export my-model net.onnx",
    info: "sk-fiqdr info my-model",
}.items():
    app.command(epilog=f"Example: {example}")(command)
