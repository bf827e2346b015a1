import pytest
import torch

from llmvis_course.data.captions import parse, write
from llmvis_course.data.digits import load_handwriting
from llmvis_course.data.glyphs import make_glyphs
from llmvis_course.data.labels import QUESTIONS, cell_labels, said_labels
from llmvis_course.data.scenes import SceneMaker, to_scenes
from llmvis_course.data.splits import training_batches
from llmvis_course.data.tokens import encode, load_tokenizer
from llmvis_course.layers.transformer import TextEncoder
from llmvis_course.models.reader import CaptionReader
from llmvis_course.training.repro import make_rng
from llmvis_course.weights import TOKENIZER
from llmvis_course.weights.make_drawer import teach_reading


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(make_glyphs(load_handwriting()))


def make_reader(**options) -> CaptionReader:
    torch.manual_seed(0)
    encoder = TextEncoder(load_tokenizer(TOKENIZER).get_vocab_size())
    return CaptionReader(encoder, [question.choices for question in QUESTIONS], **options)


def test_labels_by_hand() -> None:
    found = said_labels([parse("a large red three left of a blue five"), parse("two white zeros")])
    nothing = [10, 8, 3, 9, 3, 4]
    assert [question.choices - 1 for question in QUESTIONS] == nothing
    assert found[0].tolist() == [[3, 0, 2, 9, 3, 0], [5, 5, 3, 9, 3, 1], nothing, nothing]
    assert found[1].tolist() == [[0, 7, 3, 9, 3, 4]] * 2 + [nothing] * 2


def test_different_scenes_have_different_labels(maker) -> None:
    batch = next(training_batches(maker, 256, rng=make_rng(3)))
    labels = said_labels(batch.said).flatten(1).tolist()
    by_label: dict[tuple, set] = {}
    for label, scene in zip(labels, batch.said, strict=True):
        by_label.setdefault(tuple(label), set()).add(scene)
    assert all(len(scenes) == 1 for scenes in by_label.values())


def test_the_words_decide_and_padding_does_not() -> None:
    reader, tokenizer = make_reader().double().eval(), load_tokenizer(TOKENIZER)
    captions = ["a red seven", "a red seven left of a small blue three"]
    both = reader(*encode(tokenizer, captions))
    alone = reader(*encode(tokenizer, captions[:1]))
    for together, single in zip(both, alone, strict=True):
        torch.testing.assert_close(together[:1], single)
        assert not torch.allclose(together[0], together[1])


def test_loss_by_hand() -> None:
    """A reader that knows nothing: every answer of a question is as likely as every other."""
    reader = make_reader()
    for weight in reader.answer.parameters():
        torch.nn.init.zeros_(weight)
    tokens = encode(load_tokenizer(TOKENIZER), ["a red seven"])
    answers = said_labels([parse("a red seven")])
    expected = sum(torch.tensor(float(question.choices)).log() for question in QUESTIONS)
    torch.testing.assert_close(reader.loss(*tokens, answers), expected)


def test_it_learns_to_read_within_seconds(maker) -> None:
    """Also captions it has not met; and guessing "not said" everywhere gets none right."""
    reader, tokenizer = make_reader(), load_tokenizer(TOKENIZER)
    fresh = [write(scene, rng=make_rng(9)) for scene in map(parse, ["a red six", "two blue ones"])]
    tokens, answers = encode(tokenizer, fresh), said_labels(list(map(parse, fresh)))
    assert reader.share_right(*tokens, answers) == 0
    assert teach_reading(reader.encoder, tokenizer, maker, rng=make_rng(0), steps=80) > 0.3


def test_digit_map_by_hand(maker) -> None:
    """Every cell that a digit fills is named after it, and black cells are not named."""
    layout = maker.sample(200, "two", rng=make_rng(5))
    cells, pictures = maker.digit_map(layout), maker.render(layout)
    light = torch.nn.functional.avg_pool2d((pictures + 1) / 2, 4).amax(dim=1)
    assert cells.shape == (200, 8, 8)
    assert (cells[light > 0.2] >= 0).all()
    assert (cells[light == 0] == -1).all()
    for row in range(200):
        there = set(cells[row].unique().tolist()) - {-1}
        assert there == set(layout.digit[row, :2].tolist())
        x, y = layout.x[row, 0], layout.y[row, 0]  # near the centre of the first: its own digit
        near = cells[row, int(y) // 4, int(x) // 4].item()
        assert near in (-1, layout.digit[row, 0].item())


def test_cells_say_what_lies_in_them(maker) -> None:
    layout = maker.sample(40, "two", rng=make_rng(4))
    labels, said = cell_labels(maker, layout), said_labels(to_scenes(layout))
    ink = (maker.render(layout) + 1).amax(dim=1).unfold(1, 4, 4).unfold(2, 4, 4).mean(dim=(3, 4))
    assert (labels[:, 0] == maker.digit_map(layout).flatten(1)).all()
    for k in range(len(QUESTIONS)):
        assert (labels[:, k][ink.flatten(1) < 0.05] == -1).all()
        for row, both in zip(labels[:, k], said[:, :2, k], strict=True):
            assert set(row.tolist()) - {-1} == set(both.tolist())
