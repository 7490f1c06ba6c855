"""The tutorial's training: float, then one quantisation episode after the other, resumable."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from akrt.errors import DatasetError, InputError, UsageError
from akrt.files import check_replaceable, make_folder, read_arrays, read_bytes, write_file
from akrt.kws import network
from akrt.kws.balance import balance
from akrt.kws.chip_grid import move_to_chip_grid
from akrt.kws.featureset import FeatureSet
from akrt.kws.network import EPISODES, Episode
from akrt.kws.optimise import Arrays, Hyper, Trainer, accuracy
from akrt.kws.reports import check_folder

__all__ = ["EpisodeResult", "TrainSettings", "markdown_table", "train"]

BALANCE_ROWS = 1500
TEACHER = "teacher"

Report = Callable[[str, int, int, int, int, float], None]
"""Called with episode, epoch, epochs, step, steps, loss."""


@dataclass(frozen=True)
class TrainSettings:
    """How the network is trained; the defaults made the model that ships."""

    epochs: tuple[int, ...] = (12, 2, 20, 1, 4, 52)
    """Of each episode; most for the narrow weights and the 1-bit activation, which cost most."""
    rates: tuple[float, ...] = (4e-3, 5e-4, 1e-3, 5e-4, 5e-4, 1e-3)
    """Highest learning rate of each episode."""
    batch: int = 256
    distil: float = 0.9
    """Weight of the teacher's answer in the quantised episodes; 0 for none."""
    teacher_filters: int = 128
    """Filters of each layer of the teacher, a wider float network trained before the quantised
    episodes; 0: the float network teaches."""
    teacher_epochs: int = 10
    seed: int = 1
    threads: int = 0
    """TensorFlow's threads; 0: its own choice. Has no effect once TensorFlow was imported."""

    def __post_init__(self) -> None:
        for name in ("epochs", "rates"):
            values = getattr(self, name)
            if len(values) != len(EPISODES) or min(values) <= 0:
                raise UsageError(f"{name} takes {len(EPISODES)} positive numbers, got {values}")
        if self.batch < 1:
            raise UsageError("batch must be at least 1")
        if not 0 <= self.distil <= 1:
            raise UsageError("distil must be 0 to 1")
        if self.teacher_filters < 0 or self.teacher_epochs < 1:
            raise UsageError("teacher_filters must be at least 0, teacher_epochs at least 1")

    def hyper(self, episode: Episode) -> Hyper:
        """What one episode is trained with."""
        number = EPISODES.index(episode)
        hyper = Hyper(self.epochs[number], self.rates[number], self.batch)
        if not number:
            return hyper
        return replace(hyper, relative=True, distil=self.distil)


@dataclass(frozen=True)
class EpisodeResult:
    """A row of the table."""

    episode: str
    weights: str
    activations: str
    parameters: int
    epochs: int
    validation: float
    """Accuracy on real recordings of validation speakers."""
    seconds: float


def train(
    data: FeatureSet,
    folder: Path,
    settings: TrainSettings,
    report: Report | None = None,
    force: bool = False,
) -> list[EpisodeResult]:
    """Train all episodes and their teacher; go on where a call with the same settings stopped.

    Writes ``ds_cnn_kws_<episode>.h5`` per episode, ``words.json`` (the class names, as
    ``akrt convert --labels`` takes them), ``table.md``, ``table.json`` and, while an episode
    runs, a checkpoint after every epoch.

    Args:
        data: `akrt.kws.prepare.prepare`'s result.
        folder: where everything is written.
        settings: how to train.
        report: told about progress.
        force: start anew over a run with other settings or data; overwrite files of these names
            that akrt did not write.

    Returns:
        One result per episode, and one of the teacher where there is one.

    Raises:
        MissingExtraError: the extra ``train`` is not installed.
        DatasetError: there is nothing to train on or to choose by.
        UsageError: `folder` holds a run with other settings or other data, or files that would be
            overwritten and are not akrt's.
        OutputError: `folder` cannot be written to.
    """
    network.keras_modules(settings.threads)
    arrays = _arrays(data)
    facts = _facts(data, settings)
    results = _claim(folder, facts, _stages(settings), force)
    episodes = {episode.name: episode for episode in EPISODES}
    for name in _stages(settings)[len(results) :]:
        if name == TEACHER:
            results.append(_train_teacher(data, arrays, folder, settings, report))
        else:
            episode = episodes[name]
            results.append(_train_episode(episode, data, arrays, folder, settings, report))
        _write_tables(folder, facts, results)
        _checkpoint(folder).unlink(missing_ok=True)
    return results


def _arrays(data: FeatureSet) -> Arrays:
    """Training rows, and the clean recordings that the best epoch is chosen by.

    Choice is by real recordings alone: ``real`` and, should there be none, it is refused.
    """
    learn = np.flatnonzero(data.select("training"))
    choose = np.flatnonzero(data.select("validation", "real", clean=True))
    if not len(learn) or not len(choose):
        raise DatasetError(
            f"{len(learn)} training rows and {len(choose)} real recordings of validation "
            f"speakers: both are needed"
        )
    return Arrays(data.x[learn], data.y[learn], data.x[choose], data.y[choose])


def _facts(data: FeatureSet, settings: TrainSettings) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "rows": len(data.y),
        "training": asdict(settings),
        "episodes_trained_with": [asdict(settings.hyper(episode)) for episode in EPISODES],
        "data": data.settings,
        "words": list(data.words),
    }
    facts["clips"] = data.counts()
    copied: dict[str, Any] = json.loads(json.dumps(facts))
    return copied


def _h5(folder: Path, episode: str) -> Path:
    return folder / f"ds_cnn_kws_{episode}.h5"


def _checkpoint(folder: Path) -> Path:
    return folder / "checkpoint.npz"


def _claim(
    folder: Path, facts: dict[str, Any], stages: list[str], force: bool
) -> list[EpisodeResult]:
    """Make the folder ready: what is done there already. Nothing that is not akrt's is touched."""
    check_folder(folder)
    make_folder(folder)
    table, words = folder / "table.json", folder / "words.json"
    listed = _json(facts["words"])
    results = None if not os.path.lexists(table) else _earlier(folder, facts, force)
    if results is None:
        for name in (table.name, "table.md", "log.jsonl", *(_h5(folder, s).name for s in stages)):
            check_replaceable(folder / name, None, force)
        check_replaceable(words, lambda data: data == listed, force)
        if force:
            _checkpoint(folder).unlink(missing_ok=True)
        elif _checkpoint(folder).exists():
            _checkpoint_state(folder)
            raise UsageError(
                f"'{_checkpoint(folder)}' is of a run whose table.json is gone: give another "
                f"folder, or --force to start anew"
            )
        _write_tables(folder, facts, [])
        write_file(words, listed)
        return []
    # a run may have been interrupted between the one table and the other
    written = [_markdown(facts, rows).encode() for rows in (results, results[:-1])]
    check_replaceable(words, lambda data: data == listed, force)
    check_replaceable(folder / "table.md", lambda data: data in written, force)
    begun = str(_checkpoint_state(folder).get("episode")) if _checkpoint(folder).exists() else None
    for name in stages[len(results) :]:
        if name != begun:  # written, but for the table, before a run was interrupted
            check_replaceable(_h5(folder, name), None, force)
    write_file(words, listed)
    write_file(folder / "table.md", written[0])
    return results


def _earlier(folder: Path, facts: dict[str, Any], force: bool) -> list[EpisodeResult] | None:
    """What a run with the same settings and data has done; None: start anew."""
    table = folder / "table.json"
    try:
        before = json.loads(read_bytes(table))
        results = [EpisodeResult(**row) for row in before.pop("episodes")]
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if force:
            return None
        raise UsageError(
            f"'{table}' is damaged, or not a table of 'akrt kws train': give another folder, or "
            f"--force to start anew: {error}"
        ) from None
    missing = [r.episode for r in results if not _h5(folder, r.episode).exists()]
    if before == facts and not missing:
        return results
    if force:
        return None
    if before != facts:
        raise UsageError(
            f"'{folder}' holds a run with other settings or data: "
            f"give another folder, or --force to start anew"
        )
    raise UsageError(
        f"'{folder}' has lost the networks of {', '.join(missing)}: give another folder, or "
        f"--force to start anew"
    )


def _stages(settings: TrainSettings) -> list[str]:
    """What is trained, in this order: the episodes, and the teacher before the quantised ones."""
    names = [episode.name for episode in EPISODES]
    if settings.distil and settings.teacher_filters:
        names.insert(1, TEACHER)
    return names


def _train_teacher(
    data: FeatureSet, arrays: Arrays, folder: Path, settings: TrainSettings, report: Report | None
) -> EpisodeResult:
    seed = settings.seed * 1000 + 100
    network.keras_modules()[1].utils.set_random_seed(seed)
    model = network.build_teacher(len(data.words), data.x.shape[1:], settings.teacher_filters)
    # from answers that were smoothed a student learns less about which words are alike
    hyper = Hyper(settings.teacher_epochs, settings.rates[0], settings.batch, smoothing=0.0)
    spent = _run(Trainer(model, arrays, hyper, seed), TEACHER, folder, report)
    return _keep(
        model, EpisodeResult(TEACHER, "32", "32", 0, hyper.epochs, 0, spent), arrays, folder
    )


def _train_episode(
    episode: Episode,
    data: FeatureSet,
    arrays: Arrays,
    folder: Path,
    settings: TrainSettings,
    report: Report | None,
) -> EpisodeResult:
    number = EPISODES.index(episode)
    hyper = settings.hyper(episode)
    seed = settings.seed * 1000 + number
    network.keras_modules()[1].utils.set_random_seed(seed)
    teacher = None
    if number:
        model = network.quantised(network.load(_h5(folder, EPISODES[number - 1].name)), episode)
        floating = network.load(_h5(folder, EPISODES[0].name))
        wide = TEACHER in _stages(settings)
        teacher = network.load(_h5(folder, TEACHER)) if wide else floating
        if "last" in episode.name or episode.name == "a4":
            rows = np.random.default_rng(settings.seed).choice(
                len(arrays.x), min(BALANCE_ROWS, len(arrays.x))
            )
            balance(model, floating, arrays.x[rows], last_only="last" in episode.name)
    else:
        model = network.build(len(data.words), data.x.shape[1:])
    spent = _run(Trainer(model, arrays, hyper, seed, teacher), episode.name, folder, report)
    if episode.weights != "32":
        move_to_chip_grid(model)
    row = EpisodeResult(
        episode.name, episode.weights, episode.activations, 0, hyper.epochs, 0, spent
    )
    return _keep(model, row, arrays, folder)


def _keep(model: Any, row: EpisodeResult, arrays: Arrays, folder: Path) -> EpisodeResult:
    """Save a trained network; its row of the table, measured on it."""
    network.save(model, _h5(folder, row.episode))
    score = round(accuracy(model, arrays.x_val, arrays.y_val), 5)
    return replace(row, parameters=int(model.count_params()), validation=score)


def _run(trainer: Trainer, name: str, folder: Path, report: Report | None) -> float:
    """Train from the checkpoint, if there is one, to the end; the seconds that it took in all."""
    epochs = trainer.hyper.epochs
    spent = _load_checkpoint(folder, name, trainer)
    while not trainer.done:
        started = time.perf_counter()
        epoch = trainer.epoch + 1

        def told(step: int, steps: int, loss: float, epoch: int = epoch) -> None:
            if report is not None:
                report(name, epoch, epochs, step, steps, loss)

        score = trainer.run_epoch(told)
        spent += time.perf_counter() - started
        _save_checkpoint(folder, name, trainer, spent)
        with (folder / "log.jsonl").open("a") as log:
            row = {"episode": name, "epoch": epoch, "validation": round(score, 5)}
            log.write(json.dumps({**row, "seconds": round(spent, 1)}) + "\n")
    trainer.finish()
    return round(spent, 1)


def _save_checkpoint(folder: Path, name: str, trainer: Trainer, spent: float) -> None:
    facts = {"episode": np.array(name), "seconds": np.array(spent)}
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **facts, **trainer.state())
    write_file(_checkpoint(folder), packed.getvalue())


def _checkpoint_state(folder: Path) -> dict[str, Any]:
    path = _checkpoint(folder)
    try:
        state = read_arrays(path)
        if not {"episode", "seconds"} <= set(state):
            raise InputError("it is not what 'akrt kws train' writes")
    except InputError as error:
        raise UsageError(f"'{path}' is damaged, remove it to repeat the episode: {error}") from None
    return state


def _load_checkpoint(folder: Path, name: str, trainer: Trainer) -> float:
    """Continue what was left unfinished under this name; the seconds already spent on it."""
    path = _checkpoint(folder)
    if not path.exists():
        return 0.0
    state = _checkpoint_state(folder)
    if str(state["episode"]) != name:
        return 0.0
    try:
        trainer.restore(state)
        return float(state["seconds"])
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(f"'{path}' is damaged, remove it to repeat the episode: {error}") from None


def markdown_table(results: list[EpisodeResult]) -> str:
    """The tutorial's table of episodes, in Markdown."""
    lines = [
        "| episode | weights (bits) | activations (bits) | parameters "
        "| accuracy, real validation speakers (%) | epochs | time (min) |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.episode} | {r.weights} | {r.activations} | {r.parameters:,} "
        f"| {100 * r.validation:.2f} | {r.epochs} | {r.seconds / 60:.1f} |"
        for r in results
    ]
    return "\n".join(lines) + "\n"


def _markdown(facts: dict[str, Any], results: list[EpisodeResult]) -> str:
    settings = json.dumps(facts["training"], indent=2)
    return f"{markdown_table(results)}\nSettings and seed:\n\n```json\n{settings}\n```\n"


def _write_tables(folder: Path, facts: dict[str, Any], results: list[EpisodeResult]) -> None:
    rows = [asdict(result) for result in results]
    write_file(folder / "table.json", _json({**facts, "episodes": rows}))
    write_file(folder / "table.md", _markdown(facts, results).encode())


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
