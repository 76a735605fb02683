"""``python -m sk_fiqdr`` is the command ``sk-fiqdr``."""

from .cli import app

if __name__ == "__main__":
    app(prog_name="sk-fiqdr")
