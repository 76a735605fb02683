"""Source of a function, which does not change with the version of Python."""

import ast
import functools
import inspect
import types


@functools.cache
def source_of(code):
    """Return the source that a code object was compiled from.

    Parameters
    ----------
    code : code
        Of a function or a lambda. Two lambdas on one line have sources of their own.

    Returns
    -------
    source : str or None
        From ``def`` or ``lambda`` on, as if it was not indented. None if it is not
        known (``exec``), or if the file was edited after the function was compiled.
    """
    try:
        lines, _ = inspect.findsource(code)
        text = "".join(lines)
        tree = ast.parse(text)
        compiled = compile(tree, code.co_filename, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    if code not in _codes_in(compiled):
        return None
    found = [node for node in ast.walk(tree) if _begins_with(node, code)]
    if len(found) > 1:  # lambdas on one line
        found = [node for node in found if _place(node.body) in code.co_positions()]
    if len(found) != 1:
        return None
    (node,) = found
    source = ast.get_source_segment(text, node)
    indent = " " * node.col_offset
    return source.replace(f"\n{indent}", "\n")


def _codes_in(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes_in(constant)


def _begins_with(node, code):
    """Whether a node of the syntax tree is a function of this name and first line."""
    if isinstance(node, ast.Lambda):
        name, first = "<lambda>", node.lineno
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        name = node.name
        first = min([node.lineno, *(line.lineno for line in node.decorator_list)])
    else:
        return False
    return (name, first) == (code.co_name, code.co_firstlineno)


def _place(node):
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
