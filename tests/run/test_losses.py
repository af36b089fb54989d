"""What is said of steps whose workers have died."""

from __future__ import annotations

from pathlib import Path

from xbatch.run.losses import killed_text, late_text, note


def test_a_killed_worker_is_told_with_its_signal_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "fit.log"
    once, last = killed_text("SIGKILL", log)
    assert once == "its worker process was killed (SIGKILL)"
    assert last.startswith(f"{once} at each try")
    assert str(log) in last
    assert killed_text("", log)[0] == "its worker process was killed"


def test_a_late_step_may_be_given_twice_the_time(tmp_path: Path) -> None:
    once, last = late_text("fit:a@x=1", 30.0, tmp_path / "fit.log")
    assert "longer than 30 s" in once
    assert "--timeout 'fit:*=60'" in last


def test_the_script_of_a_step_of_tools_is_named_where_there_is_one(tmp_path: Path) -> None:
    log = tmp_path / "my logs" / "nuproducts.log"
    log.parent.mkdir()
    assert "by hand" not in killed_text("", log)[1] + late_text("a:b", 1.0, log)[1]
    log.with_suffix(".sh").touch()
    for _, last in (killed_text("", log), late_text("a:b", 1.0, log)):
        assert last.endswith(f"to repeat it by hand: sh '{log.with_suffix('.sh')}'")


def test_the_log_is_told_and_its_folder_may_be_gone(tmp_path: Path) -> None:
    log = tmp_path / "fit.log"
    log.write_text("began\n")
    note(log, "it was stopped")
    assert log.read_text() == "began\nfailed: it was stopped\n"
    note(tmp_path / "gone" / "fit.log", "it was stopped")
