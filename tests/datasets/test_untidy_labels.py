"""Label files as people have them: every reader reads them, or says what is wrong."""

import codecs
import gzip
import io
import re
import unicodedata
import warnings
import zipfile

import pytest
from helpers.trees import write_image

GRADES = [0, 2, 4]


def _with_index(tree, name):
    rows = [[str(row), *fields] for row, fields in enumerate(tree.rows, 1)]
    return tree.text([name, *tree.header] if name is not None else tree.header, rows)


def _workbook(tree):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(tree.header)
    for row in tree.rows:
        book.active.append([int(text) if text.isdigit() else text for text in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


TIDY_ENOUGH = {
    "as distributed": lambda tree: tree.text(),
    "a byte-order mark": lambda tree: codecs.BOM_UTF8 + tree.text().encode(),
    "CRLF": lambda tree: tree.text().replace("\n", "\r\n"),
    "CR": lambda tree: tree.text().replace("\n", "\r"),
    "no newline at the end": lambda tree: tree.text().rstrip("\n"),
    "UTF-16": lambda tree: tree.text(separator="\t").encode("utf-16"),
    "UTF-16, big end first": lambda tree: (
        codecs.BOM_UTF16_BE + tree.text().encode("utf-16-be")
    ),
    "UTF-16 without a mark": lambda tree: tree.text().encode("utf-16-le"),
    "semicolons": lambda tree: tree.text(separator=";"),
    "tabs": lambda tree: tree.text(separator="\t"),
    "bars": lambda tree: tree.text(separator="|"),
    "an index column": lambda tree: _with_index(tree, ""),
    "an unnamed index column": lambda tree: _with_index(tree, "Unnamed: 0"),
    "row numbers without a header": lambda tree: _with_index(tree, None),
    "blanks": lambda tree: tree.text().replace(",", " , ").replace("\n", " \n"),
    "blank lines": lambda tree: "\n" + tree.text().replace("\n", "\n\n , \n"),
    "quotes": lambda tree: (
        '"' + tree.text().strip().replace(",", '","').replace("\n", '"\n"') + '"\n'
    ),
    "trailing commas": lambda tree: tree.text().replace("\n", ",,,\n"),
    "trailing commas below the header": lambda tree: (
        tree.text().replace("\n", ",,\n").replace(",,\n", "\n", 1)
    ),
    "names in capitals": lambda tree: tree.text(rows=tree.with_names(str.upper)),
    "another extension": lambda tree: tree.text(
        rows=tree.with_names(lambda name: name.split(".")[0] + ".TIFF")
    ),
    "no extension": lambda tree: tree.text(
        rows=tree.with_names(lambda name: name.split(".")[0])
    ),
    "folders before the names": lambda tree: tree.text(
        rows=tree.with_names(lambda name: f"C:\\eyes\\{name}")
    ),
    "a header in capitals": lambda tree: tree.text([c.upper() for c in tree.header]),
    "blanks for underscores": lambda tree: tree.text(
        [column.replace("_", " ") for column in tree.header]
    ),
    "another order": lambda tree: tree.text(rows=tree.rows[::-1]),
    "repeated rows": lambda tree: tree.text(rows=tree.rows + tree.rows[:2]),
    "rows of other images": lambda tree: tree.text(
        rows=[*tree.rows, *tree.with_names(lambda name: f"x{name}")]
    ),
    "decimals": lambda tree: tree.text(
        rows=[
            [
                f"{text}.0" if at == tree.grade_column and text else text
                for at, text in enumerate(row)
            ]
            for row in tree.rows
        ]
    ),
    "an Excel workbook": _workbook,
}


@pytest.mark.parametrize("how", TIDY_ENOUGH)
def test_every_reader_takes_a_label_file_with(label_set, how):
    label_set.write(TIDY_ENOUGH[how](label_set))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert label_set.grades() == GRADES


def _without_grades(tree):
    keep = [at for at in range(len(tree.header)) if at != tree.grade_column]
    rows = [[row[at] for at in keep] for row in tree.rows]
    return tree.text([tree.header[at] for at in keep], rows)


def _without_names(tree):
    keep = [at for at in range(len(tree.header)) if at != tree.name_column]
    rows = [[row[at] for at in keep] for row in tree.rows]
    return tree.text([tree.header[at] for at in keep], rows)


def _with_grade(tree, grade, row=2):
    rows = [list(fields) for fields in tree.rows]
    rows[row][tree.grade_column] = grade
    return tree.text(rows=rows)


def _contradicting(tree):
    other = list(tree.rows[2])
    other[tree.grade_column] = "3"
    return tree.text(rows=[*tree.rows, other])


def _archive(tree):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("labels.csv", tree.text())
    return stream.getvalue()


def _twice(tree):
    header = [*tree.header, tree.header[tree.grade_column]]
    return tree.text(header, [[*row, "1"] for row in tree.rows])


WRONG = {
    "no grade column": (_without_grades, "has no column {grade!r}, but ['"),
    "no name column": (_without_names, "has no column {name!r}, but ['"),
    "two grade columns": (_twice, "2 columns for {grade!r}"),
    "no header": (lambda tree: tree.text(tree.rows[0], tree.rows[1:]), "no column"),
    "nothing": (lambda tree: b"\n", "it is empty"),
    "a header only": (lambda tree: tree.text(rows=[]), "holds no row below its header"),
    "a grade of 5": (lambda tree: _with_grade(tree, "5"), "line 4: image {last!r} has"),
    "a word for no grade": (lambda tree: _with_grade(tree, "mildish"), "'mildish', e"),
    "half a grade": (lambda tree: _with_grade(tree, "0.5"), "line 4"),
    "a row without a name": (
        lambda tree: tree.text(rows=tree.with_names(lambda name: "")),
        "line 2: image ''",
    ),
    "contradicting rows": (_contradicting, "{last!r} has {grade} 4 in"),
    "a short row": (lambda tree: tree.text() + tree.header[0], "line 5 has 1 fields"),
    "a comma in a name": (
        lambda tree: tree.text() + ",".join(["a,b", *tree.rows[0][1:]]) + ",c",
        "line 5 has",
    ),
    "an open quote": (lambda tree: tree.text() + '"13_left,0\n', "line 5"),
    "Latin-1": (
        lambda tree: tree.text(rows=tree.with_names("ä{}".format)).encode("latin-1"),
        "Expected UTF-8",
    ),
    "null bytes": (lambda tree: tree.text() + " " * 300 + "\0", "not text"),
    "an archive": (_archive, "must be unpacked first"),
    "labels of other images": (
        lambda tree: tree.text(rows=tree.with_names("x{}".format)),
        "None of the 3 images",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_every_reader_names_file_and_place_of(label_set, what):
    make, message = WRONG[what]
    label_set.write(make(label_set))
    last = label_set.rows[2][label_set.name_column].split(".")[0]
    expected = message.format(
        grade=label_set.header[label_set.grade_column],
        name=label_set.header[label_set.name_column],
        last=last,
    )
    with pytest.raises(ValueError, match=re.escape(expected)) as error:
        label_set.grades()
    said = str(error.value)
    assert repr(str(label_set.label_file)) in said
    assert len(said) < 1500


def test_both_lines_of_a_contradiction_are_named(label_set):
    label_set.write(_contradicting(label_set))
    with pytest.raises(ValueError, match=r"line 4 and 3 in .* line 5.*Keep the row"):
        label_set.grades()


@pytest.mark.parametrize("unknown", ["", " ", "-1"])
def test_an_empty_label_is_unknown_and_gives_way_to_a_known_one(label_set, unknown):
    label_set.write(_with_grade(label_set, unknown))
    assert label_set.grades() == [0, 2, -1]
    rows = _with_grade(label_set, unknown) + label_set.text().split("\n", 1)[1]
    label_set.write(rows)
    assert label_set.grades() == GRADES


def test_images_without_a_row_stay_and_are_counted(label_set):
    label_set.write(label_set.text(rows=label_set.rows[:2]))
    with pytest.warns(UserWarning, match=r"Of 3 images .* 1 without a row") as caught:
        eyes = label_set.load(label_set)
    assert caught[0].filename.endswith("trees.py")  # the line that called
    assert sorted(eyes.target[:, 0].tolist()) == [-1, 0, 2]
    assert any(eyes.report.get(f"n_images_without_{s}_row") for s in ("grade", "label"))


def test_a_name_in_two_folders_is_reported_with_one_label_for_both(label_set):
    label_set.write()
    first = label_set.root / label_set.images[0]
    write_image(first.parent / "again" / first.name)
    with pytest.warns(UserWarning, match="name stands in another place"):
        eyes = label_set.load(label_set)
    assert sorted(eyes.target[:, 0].tolist()) == [0, 0, 2, 4]
    assert eyes.report["n_repeated_names"] == 1
    twins = eyes.frame["image"] == first.stem
    assert eyes.frame.loc[twins, "patient"].nunique() == 1


def test_names_match_whichever_way_their_umlauts_are_written(make_set):
    tree = make_set("aptos")
    name = "Mädchen 1"
    tree.images[0] = f"train_images/{unicodedata.normalize('NFD', name)}.png"
    tree.rows[0][0] = unicodedata.normalize("NFC", name)
    assert tree.write().grades() == GRADES


def test_a_workbook_that_is_damaged_is_named(label_set):
    content = bytearray(_workbook(label_set))
    content[200:400] = bytes(200)
    label_set.write(bytes(content))
    with pytest.raises(ValueError, match="not a readable CSV"):
        label_set.grades()


@pytest.mark.parametrize("keep", [2, 5, 12, -9, -4])
def test_a_table_by_gzip_that_is_cut_short_is_named(keep, make_set):
    tree = make_set("aptos")
    tree.write(gzip.compress(tree.text().encode())[:keep])
    with pytest.raises(ValueError, match="it is damaged or incomplete"):
        tree.grades()


def test_a_table_by_gzip_that_is_damaged_is_named(make_set):
    tree = make_set("aptos")
    content = bytearray(gzip.compress(tree.text().encode()))
    content[10:20] = b"\xff" * 10
    tree.write(bytes(content))
    with pytest.raises(ValueError, match="it is damaged or incomplete"):
        tree.grades()


def test_a_workbook_of_several_sheets_is_refused_rather_than_read_in_part(label_set):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(_workbook(label_set)))
    book.create_sheet("empty")
    book.save(stream := io.BytesIO())
    assert label_set.write(stream.getvalue()).grades() == GRADES
    book.create_sheet("test").append(["image"])
    book.save(stream := io.BytesIO())
    label_set.write(stream.getvalue())
    with pytest.raises(ValueError, match=r"2 sheets \(Sheet, test\); save"):
        label_set.grades()


def test_a_workbook_without_openpyxl_names_both_ways_out(make_set, monkeypatch):
    tree = make_set("aptos")
    tree.write(_workbook(tree))
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"sk-fiqdr\[excel\].*save it as CSV"):
        tree.grades()
