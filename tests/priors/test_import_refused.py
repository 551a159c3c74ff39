"""Files that are not imported: each is refused in one sentence, and nothing is written."""

import pickle
from pathlib import Path

import pytest
import torch
from made_networks import GUIDED, nothing_written, score_net

from engine.errors import InputError
from engine.priors.header import read_header
from engine.priors.importing.checkpoints import read_checkpoint
from engine.priors.importing.importer import import_prior
from engine.priors.importing.settings import PriorImport
from engine.priors.library import priors
from engine.priors.networks.guided import GuidedNet


class Harmful:
    def __reduce__(self):
        return Path.touch, (Path(Harmful.target),)


def test_pickles_with_code_are_refused_and_not_run(tmp_path):
    Harmful.target = str(tmp_path / "ran")
    torch.save([score_net().state_dict(), Harmful()], tmp_path / "zip.pth")
    torch.save([Harmful()], tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Harmful()))
    for name in ("zip", "legacy", "plain"):
        with pytest.raises(InputError):
            import_prior(PriorImport(file=str(tmp_path / f"{name}.pth")))
    with pytest.raises(InputError, match="could run code"):
        import_prior(PriorImport(file=str(tmp_path / "zip.pth")))
    assert not (tmp_path / "ran").exists()
    assert nothing_written()


@pytest.mark.parametrize("new", [True, False])
def test_cut_files_are_refused(tmp_path, new):
    file = tmp_path / "cut.pth"
    torch.save(score_net().state_dict(), file, _use_new_zipfile_serialization=new)
    whole = file.read_bytes()
    for share in (0.9, 0.5, 0.1, 0.001, 0.0):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"cut\.pth"):
            import_prior(PriorImport(file=str(file)))
    assert nothing_written()


def refused(tmp_path, content, match, **settings):
    file = tmp_path / "bad.pth"
    torch.save(content, file)
    with pytest.raises(InputError, match=match) as caught:
        import_prior(PriorImport(**{"file": str(file)} | settings))
    assert "\n" not in str(caught.value)
    assert nothing_written()


def test_weights_that_do_not_fit_are_refused(tmp_path):
    state = score_net().state_dict()
    deepest = score_net("NCSNv2Deepest").state_dict()
    refused(tmp_path, {k: v for k, v in state.items() if k != "res3.1.conv2.bias"}, r"res3\.1\.conv2\.bias missing")
    refused(tmp_path, {k: v for k, v in state.items() if k != "sigmas"}, "lacks sigmas")
    refused(tmp_path, state | {"more": torch.zeros(1)}, "more not known")
    refused(tmp_path, state | {"end_conv.bias": torch.full((1,), float("nan"))}, "not finite")
    refused(tmp_path, state | {"end_conv.bias": torch.zeros(2)}, "another shape")
    refused(tmp_path, state | {"begin_conv.weight": torch.zeros(3)}, "not a whole")
    refused(tmp_path, state | {"sigmas": -state["sigmas"]}, "not positive")
    refused(tmp_path, state | {"res5.0.conv1.weight": torch.zeros(1)}, "missing")  # a part of a larger variant
    refused(tmp_path, {k: v for k, v in deepest.items() if not k.startswith("res31")}, r"res31\.0\.\S+ .*missing")
    refused(tmp_path, state, "of kind ncsnv2, not guided-diffusion", kind="guided-diffusion")
    refused(tmp_path, state, "needs the folder", kind="diffusers")
    refused(tmp_path, {"fc.weight": torch.zeros(2, 2)}, "no known kind")
    refused(tmp_path, [1, 2, 3], "no state dictionary")
    refused(tmp_path, torch.zeros(3), "no state dictionary")
    refused(tmp_path, score_net(channels=2).state_dict(), "2 channels")
    refused(tmp_path, state, "letters, digits", name="a/b")
    refused(tmp_path, state, "letters, digits", name="ü")
    refused(tmp_path, deepest, "too small", side=16)
    refused(tmp_path, state | {"res1.0.conv1.weight": torch.zeros(1).expand(2**31)}, "claims more")
    average = {k: v for k, v in state.items() if k not in ("sigmas", "end_conv.bias")}
    refused(tmp_path, [state, {}, 1, 1, average], "do not match")
    refused(tmp_path, state, "does not exist", file=str(tmp_path / "none.pth"))
    refused(tmp_path, state, "No file was given", file="")


def test_guided_files_that_are_no_priors_are_refused(tmp_path):
    state = GuidedNet(GUIDED["conv"]).state_dict()
    refused(tmp_path, state | {"label_emb.weight": torch.zeros(10, 128)}, "class-conditional", head_channels=16)
    refused(tmp_path, state | {"out.2.weight": torch.zeros(5, 32, 3, 3)}, "no denoiser", head_channels=16)
    refused(tmp_path, state, "cannot be split by 48 channels", head_channels=48)
    refused(tmp_path, state, "cannot be split by 3 heads", heads=3)
    refused(tmp_path, {k: v for k, v in state.items() if not k.startswith("middle")}, "missing", head_channels=16)
    refused(tmp_path, {k: v for k, v in state.items() if not k.startswith("time_embed")}, "not a whole")


def test_too_large_files_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.priors.importing.checkpoints.LARGEST_FILE", 1000)
    torch.save(score_net().state_dict(), tmp_path / "n.pth")
    with pytest.raises(InputError, match="GB large"):
        read_checkpoint(tmp_path / "n.pth")


def test_names_that_are_taken(tmp_path):
    torch.save(score_net().state_dict(), tmp_path / "n.pth")
    settings = PriorImport(file=str(tmp_path / "n.pth"), name="mnist")
    shipped = priors().get("mnist")().path
    before = shipped.read_bytes()
    with pytest.raises(InputError, match="comes with the program"):
        import_prior(settings)
    path = import_prior(settings.replace(overwrite=True))
    assert "Takes the place" in read_header(path)["card"]["notes"]
    assert priors().get("mnist")().path == path
    assert shipped.read_bytes() == before
    with pytest.raises(InputError, match="already"):
        import_prior(settings)
    assert import_prior(settings.replace(overwrite=True)) == path


def test_archives_are_looked_at_before_they_are_unpacked(tmp_path):
    import zipfile

    path = tmp_path / "n.pth"
    torch.save(score_net().state_dict(), path)
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02") // 2  # somewhere in the weights
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path)
    for name, packing in (
        ("more/data.pkl", zipfile.ZIP_DEFLATED),
        ("more", zipfile.ZIP_DEFLATED),
        ("m.pkl", zipfile.ZIP_STORED),
    ):
        path.write_bytes(whole)
        with zipfile.ZipFile(path, "a", packing) as archive:
            archive.writestr(name, bytes(5 << 20))
        with pytest.raises(InputError, match="unpacks to far more"):
            read_checkpoint(path)


def test_devices_are_not_checkpoints():
    with pytest.raises(InputError, match="not a file"):
        read_checkpoint(Path("/dev/zero"))


def test_pickles_with_code_are_called_that(tmp_path):
    import os
    import pickle

    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    for i, write in enumerate((lambda v, p: torch.save(v, p), lambda v, p: p.write_bytes(pickle.dumps(v)))):
        path = tmp_path / f"{i}.pth"
        write({"weight": Evil()}, path)
        with pytest.raises(InputError, match="could run code"):
            read_checkpoint(path)


def test_a_network_that_answers_nothing_finite_is_refused(tmp_path):
    state = {
        k: v * 1e30 if v.dtype.is_floating_point and k != "sigmas" else v for k, v in score_net().state_dict().items()
    }
    refused(tmp_path, state, "not finite")
