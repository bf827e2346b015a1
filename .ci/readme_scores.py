"""Copy the scores that stand in the record of the shipped weights into the README."""

from pathlib import Path

from llmvis_course.evaluate import Score, format_table
from llmvis_course.training.checkpoint import load_tensors
from llmvis_course.weights import DRAWER

README = Path(__file__).parent.parent / "README.md"
MARKS = "<!-- scores:start -->", "<!-- scores:end -->"


def main() -> None:
    """Write the table between the README's marks."""
    _, record = load_tensors(DRAWER)
    table = format_table([Score(**score) for score in record["scores"]])
    made = (
        f"Trained for {record['steps']} steps of {record['batch']} scenes, seed {record['seed']}."
    )
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    README.write_text(f"{before}{MARKS[0]}\n{table}\n\n{made}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
