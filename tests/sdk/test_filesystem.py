"""`registrum://` through fsspec, on a live server."""

from tests.client.live import Person, Server, run_script

MAKE = """
import registrum
registrum.Api().create_registry(name, "organization")
with registrum.init(entity="main", project=name) as run:
    for number in range(2):
        artifact = registrum.Artifact("table", "dataset")
        with artifact.new_file("deep/er/rows.csv") as file:
            file.write("a,b\\n" + "".join(f"{i},{i * i + number}\\n" for i in range(2000)))
        with artifact.new_file("big.bin", "wb") as file:
            file.write(bytes(range(256)) * 40_000)
        with artifact.new_file("empty.txt") as file:
            pass
        run.log_artifact(artifact)
        run.link_artifact(artifact, f"wandb-registry-{name}/table", [f"n{number}"])
"""


def test_files_are_listed_opened_and_read_by_range(
    server: Server, admin: Person, project: str
) -> None:
    run_script(server, admin, MAKE, name=project)
    script = """
    import fsspec, registrum
    fs = fsspec.filesystem("registrum")
    top = f"registrum/{name}/table:n0"
    result = {
        "root": fs.ls("registrum://", detail=False),
        "registries": fs.ls("registrum://registrum", detail=False),
        "collections": fs.ls(f"registrum/{name}", detail=False),
        "top": sorted(fs.ls(top, detail=False)),
        "found": sorted(fs.find(top)),
        "glob": fs.glob(f"{top}/**/*.csv"),
        "isdir": [fs.isdir(f"{top}/deep"), fs.isfile(f"{top}/deep"), fs.isfile(f"{top}/big.bin"), fs.exists(f"{top}/no")],
        "size": fs.info(f"{top}/big.bin")["size"],
        "range": list(fs.cat_file(f"{top}/big.bin", 255, 259)),
        "tail": list(fs.cat_file(f"{top}/big.bin", -2)),
        "empty": fs.cat_file(f"{top}/empty.txt").decode(),
    }
    with fsspec.open(f"registrum://registrum/{name}/table/deep/er/rows.csv", "rt") as file:
        result["latest"] = file.readlines()[1]
    with fs.open(f"{top}/deep/er/rows.csv") as file:
        result["first"] = file.readlines()[1].decode()
    with fs.open(f"{top}/big.bin") as file:
        file.seek(5_000_000)
        result["middle"] = list(file.read(3))
        file.seek(-1, 2)
        result["last"] = list(file.read())
    result["refused"] = []
    for act in (lambda: fs.open(f"{top}/x", "wb"), lambda: fs.rm(f"{top}/big.bin"), lambda: fs.cat(f"{top}/no"),
                lambda: fs.ls(f"registrum/{name}/none"), lambda: fs.ls("registrum/none/x")):
        try:
            act()
        except OSError as error:
            result["refused"].append(type(error).__name__)
    """
    found = run_script(server, admin, script, name=project)
    top = f"registrum/{project}/table:n0"
    assert found["root"] == ["registrum"]
    assert f"registrum/{project}" in found["registries"]
    assert found["collections"] == [f"registrum/{project}/table"]
    assert found["top"] == [f"{top}/big.bin", f"{top}/deep", f"{top}/empty.txt"]
    assert found["found"] == [f"{top}/big.bin", f"{top}/deep/er/rows.csv", f"{top}/empty.txt"]
    assert found["glob"] == [f"{top}/deep/er/rows.csv"]
    assert found["isdir"] == [True, False, True, False]
    assert found["size"] == 256 * 40_000
    assert (found["range"], found["tail"], found["empty"]) == ([255, 0, 1, 2], [254, 255], "")
    assert (found["first"], found["latest"]) == ("0,0\n", "0,1\n")
    assert found["middle"] == [i % 256 for i in range(5_000_000, 5_000_003)]
    assert found["last"] == [255]
    assert found["refused"] == [
        "PermissionError",
        "PermissionError",
        "FileNotFoundError",
        "FileNotFoundError",
        "FileNotFoundError",
    ]
