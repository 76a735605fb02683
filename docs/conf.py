"""How the documentation is built."""

from sk_fiqdr import __version__

project = "sk_fiqdr"
author = "the sk_fiqdr developers"
copyright = "2026, the sk_fiqdr developers"
version = release = __version__

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"
# skorch's and scikit-learn's own methods are documented there.
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 60,
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "sk_fiqdr"
html_logo = html_favicon = "images/logo.svg"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
alone = ["index", "install", "tutorial", "own_photographs", "faq", "glossary"]
alone += ["whats_new/index", "citing", "development", "architecture"]
html_sidebars = {page: [] for page in [*alone, "not_a_medical_device"]}
html_theme_options = {
    "logo": {"text": "sk_fiqdr", "alt_text": "sk_fiqdr"},
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
