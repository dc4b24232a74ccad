"""`.venv/bin/python -m docs.generate` writes the generated files and says which changed."""

from docs.generate import DOCS, generated

for file, text in generated().items():
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
        print(f"wrote {file.relative_to(DOCS.parent)}")
