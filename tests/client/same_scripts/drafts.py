"""Drafts of artifacts: what is put into them, what they say of themselves, and what is saved."""

import os
import pathlib
import sys
import tempfile

import wandb

NAME = sys.argv[1]
PROJECT = f"{NAME}-drafts"
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "sub").mkdir()
(folder / "a.txt").write_text("a")
(folder / "sub" / "b.txt").write_text("bb")
(folder / "sub" / "c.txt").write_text("ccc")
(folder / "data.csv").write_text("1,2")


def attempt(what, act):
    try:
        print(what, act())
    except (TypeError, ValueError) as error:
        print(what, [k.__name__ for k in (TypeError, ValueError) if isinstance(error, k)])
    except Exception as error:
        print(what, "refused", isinstance(error, KeyError))


draft = wandb.Artifact(
    "things", type="dataset", description="D.", metadata={"n": 1, "list": [1, 2]}
)
print(draft.name, draft.type, draft.description, draft.metadata, draft.state, draft.is_draft())
entry = draft.add_file(str(folder / "a.txt"))
print(entry.path, entry.size, entry.digest)
draft.add_file(folder / "a.txt", name="again/a.txt")
draft.add_dir(folder / "sub")
draft.add_dir(str(folder / "sub"), name="below")
with draft.new_file("made.txt") as file:
    file.write("made")
draft.add_reference((folder / "data.csv").as_uri(), name="remote.csv")
print(sorted(draft.manifest.entries), len(draft.manifest.entries), draft.digest)
draft.remove("again/a.txt")
draft.remove("below")
print(sorted(draft.manifest.entries), draft.digest, draft.size)
attempt("remove what is not there", lambda: draft.remove("nothing"))
attempt("no such file", lambda: draft.add_file(str(folder / "nothing")))
attempt("no such folder", lambda: draft.add_dir(str(folder / "nothing")))
attempt("name with a slash", lambda: wandb.Artifact("a/b", "model").name)
attempt("long name", lambda: wandb.Artifact("x" * 129, "model").name)
attempt("reserved type", lambda: wandb.Artifact("x", "job").name)
attempt("metadata", lambda: wandb.Artifact("x", "model", metadata=[1]).name)
attempt(
    "many metadata",
    lambda: wandb.Artifact("x", "model", metadata=dict.fromkeys(map(str, range(101)))).name,
)
attempt("get", lambda: draft.get_entry("a.txt").path)
attempt("get none", lambda: draft.get_entry("nothing"))
for what in (
    "version",
    "aliases",
    "id",
    "entity",
    "project",
    "created_at",
    "qualified_name",
    "tags",
    "collection",
):
    attempt(f"draft {what}", lambda what=what: getattr(draft, what))
for what in ("delete", "download", "unlink", "logged_by", "used_by", "verify", "checkout"):
    attempt(f"draft {what}", lambda what=what: getattr(draft, what)())

with wandb.init(project=PROJECT, entity="whales", job_type="drafts") as run:
    run.log_artifact(draft, aliases=["first"], tags=["t1"]).wait()
    print(
        draft.name, draft.version, sorted(draft.aliases), draft.tags, draft.state, draft.is_draft()
    )
    print(draft.size, draft.file_count, draft.digest, draft.entity, draft.project == PROJECT)
    attempt("add after", lambda: draft.add_file(str(folder / "a.txt")))
    attempt("new file after", lambda: draft.new_file("x").__enter__())
    same = wandb.Artifact("things", type="dataset")
    same.add_file(str(folder / "a.txt"))
    same.add_dir(str(folder / "sub"))
    same.add_reference((folder / "data.csv").as_uri(), name="remote.csv")
    with same.new_file("made.txt") as file:
        file.write("made")
    print(same.digest == draft.digest, run.log_artifact(same).wait().version)
    new = draft.new_draft()
    print(new.is_draft(), new.name, new.type, sorted(new.manifest.entries))
    with new.new_file("more.txt") as file:
        file.write("more")
    print(run.log_artifact(new, aliases=["second"]).wait().version)
    plain = run.log_artifact(str(folder / "a.txt"), name="plain", type="dataset").wait()
    print(plain.name, sorted(plain.manifest.entries), sorted(plain.aliases))

api = wandb.Api()
second = api.artifact(f"whales/{PROJECT}/things:second")
print(
    second.version,
    sorted(second.manifest.entries),
    second.size,
    second.file_count,
    second.description,
)
got = pathlib.Path(second.download(str(folder / "got")))
print(sorted(str(p.relative_to(got)) for p in got.rglob("*") if p.is_file()))
second.verify(str(got))
(got / "a.txt").write_text("changed")
attempt("verify", lambda: second.verify(str(got)))
second.checkout(str(got))
print(sorted(os.listdir(got)), (got / "a.txt").read_text())
print(sorted(os.listdir(second.download(str(folder / "part"), path_prefix="b"))))
part = api.artifact(f"whales/{PROJECT}/things:first").get_entry("b.txt")
print(pathlib.Path(part.download(str(folder / "one"))).read_text(), part.path, part.size)
print(os.path.basename(second.get_entry("remote.csv").ref), second.get_entry("remote.csv").size)
print([a.version for a in api.artifacts("dataset", f"whales/{PROJECT}/things", order="created_at")])
