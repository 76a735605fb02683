"""Find phrases that plain technical English does without, and say what to write.

    python .ci/wording.py [FILES]

Without FILES it reads the package, the documentation and the Markdown files.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Few, and each without false positives: a spelling checker knows the rest.
PHRASES = {
    r"(there )?(is|are|was|were) no (?!longer)": "is not a, does not",
    r"(has|have|had) not (a|an|its|one|the|two)": "does not have",
    r"(tears?|torn)": "split across sets; incomplete",
    r"(befalls?|befell)": "happens",
    r"rivals?": "baselines",
    r"contests?": "Kaggle data, competition",
    r"travels?": "is saved, is copied",
    r"mend(s|ed|ing)?": "fix",
    r"told": "report, classify, progress",
    r"nobody": "a passive, or who does",
    r"(goes|go|went) on": "continue, resume",
    r"brought to the disk": "fsynced",
    r"passing name": "temporary name",
    r"spoilt": "no longer usable, degraded",
    r"judges?": "classify, quality classifier",
    r"pass(es|ed)? over": "ignore, skip",
    r"known again": "identified",
    r"counts? (nowhere|for nothing)": "is ignored",
    r"nothing but": "only",
    r"patients? whole": "all images of a patient together",
    r"no numbers?": "not finite, not a number",
}
PATTERN = re.compile(
    "|".join(
        rf"(?P<p{k}>\b{phrase}\b)".replace(" ", r"[\s#]+")
        for k, phrase in enumerate(PHRASES)
    ),
    re.IGNORECASE,
)
PARTS = ["*.md", "sk_fiqdr/**/*.py", "docs/*.rst", "docs/*/index.rst"]
PARTS += ["docs/user_guide/*.rst", "docs/examples/*.py"]


def find(text):
    """Return the phrases in a text: (line, what is there, what to write)."""
    found = []
    for match in PATTERN.finditer(text):
        if match[0].lower().startswith("there"):
            continue
        line = text.count("\n", 0, match.start()) + 1
        instead = list(PHRASES.values())[int(match.lastgroup[1:])]
        found.append((line, " ".join(match[0].split()), instead))
    return found


def main(files):
    """Print what is found in the files, and return how much that is."""
    files = files or sorted({path for part in PARTS for path in ROOT.glob(part)})
    n_found = 0
    for file in map(Path, files):
        for line, phrase, instead in find(file.read_text(encoding="utf-8")):
            print(f"{file}:{line}: {phrase!r}; write: {instead}")
            n_found += 1
    return n_found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
