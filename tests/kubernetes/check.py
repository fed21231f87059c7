"""`make kubernetes`: renders what an operator applies, and looks at all of it: schemas, checkov, the recipes of the images.

Runs in an environment of its own (requirements/kubernetes.lock). With CRDS=FOLDER, whatever is of an operator's own kind is
held against its definition, too, of the files in there: `kubectl get crd NAME -o yaml`, or what installs the operator.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
VERSIONS = ("1.31", "1.37")  # the oldest that docs/kubernetes.md names, and the newest that is known here
OWN = {"RabbitmqCluster", "MongoDBCommunity", "ServiceMonitor", "HTTPRoute"}
DIGEST = f"sha256:{'0' * 64}"
WRITE = "import sys, pathlib; from ops.deploy import prepare; prepare('kubernetes', pathlib.Path(sys.argv[1]))"
Manifest = dict[str, Any]


def rendered(folder: Path) -> str:
    """What `kubectl apply -k` would send, with the overlay that docs/kubernetes.md shows, and the Job that goes before it."""
    overlay, own = folder / "deploy" / "kubernetes", folder / "deploy" / "town"
    chosen = {
        "LINLI_IMAGES": "registry.example/linli/",
        "LINLI_OIDC_ISSUER": "https://id.example",
        "PYTHONPATH": str(ROOT),
        "KUBECONFIG": os.devnull,
        "LINLI_SECRETS": str(folder / "secrets"),
    }
    python = ROOT / ".venv" / "bin" / "python"
    subprocess.run([python, "-W", "ignore", "-c", WRITE, overlay], env=os.environ | chosen, cwd=ROOT, check=True)
    (folder / "k8s").symlink_to(ROOT / "k8s")
    own.mkdir()
    shown = (ROOT / "docs" / "kubernetes.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    (own / "kustomization.yaml").write_text(shown.replace("sha256:…", DIGEST))
    return "---\n".join(
        subprocess.run([TOOLS / "kubectl", "kustomize", part], stdout=subprocess.PIPE, text=True, check=True).stdout
        for part in (own, overlay / "migrate")
    )


def definitions(folder: Path) -> dict[tuple[str, str], Manifest]:
    """The schema of each kind that is defined in some file below a folder, by apiVersion and kind."""
    found = {}
    for file in folder.rglob("*.y*ml"):
        for made in yaml.safe_load_all(file.read_text()):
            if isinstance(made, dict) and made.get("kind") == "CustomResourceDefinition":
                for version in made["spec"]["versions"]:
                    name = (f"{made['spec']['group']}/{version['name']}", made["spec"]["names"]["kind"])
                    found[name] = strict(version["schema"]["openAPIV3Schema"])
    return found


def strict(schema: Any) -> Any:
    """The same, and no field that it does not know: the cluster would drop it without a word."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(part) for name, part in schema.items()}
    open_ = made.get("x-kubernetes-preserve-unknown-fields") or made.get("x-kubernetes-embedded-resource")
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made and not open_:
        made["additionalProperties"] = False
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


def validate(manifests: list[Manifest], known: dict[tuple[str, str], Manifest]) -> list[str]:
    """Of which own kinds there was no definition. Raises where one does not hold."""
    unknown = []
    for manifest in manifests:
        if manifest["kind"] not in OWN:
            for version in VERSIONS:
                kubernetes_validate.validate(manifest, version, strict=True)
            continue
        schema = known.get((manifest["apiVersion"], manifest["kind"]))
        if schema is None:
            unknown.append(manifest["kind"])
        else:
            schema["properties"]["metadata"] = {"type": "object"}
            jsonschema.validate(manifest, schema)
    return sorted(set(unknown))


def main(crds: str) -> int:
    """Look at everything; 0 if nothing was found."""
    with tempfile.TemporaryDirectory() as folder:
        text = rendered(Path(folder))
        manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
        assert manifests[0]["kind"] == "Namespace", "what is in a namespace comes before it"
        assert text.count(f"linli-bookings@{DIGEST}") == 1
        assert {made["kind"] for made in manifests} >= OWN
        unknown = validate(manifests, definitions(Path(crds)) if crds else {})
        print(f"{len(manifests)} manifests hold to Kubernetes {' and '.join(VERSIONS)}", flush=True)
        if unknown:
            print(f"not looked at, without CRDS=FOLDER: {', '.join(unknown)}", flush=True)
        file = Path(folder) / "all.yaml"
        file.write_text(text)
        look = [TOOLS / "checkov", "--framework", "kubernetes", "--compact", "--quiet", "--skip-download"]
        # What is applied, and what an operator reads.
        found = sum(subprocess.run([*look, *what], check=False).returncode for what in (["-f", file], ["-d", ROOT / "k8s"]))
    # DL3008: a version that is pinned is gone from the distribution the day after its next one.
    recipes = [ROOT / "Dockerfile", ROOT / "deploy" / "ops.Dockerfile", ROOT / "deploy" / "edge.Dockerfile"]
    return found or subprocess.run([TOOLS / "hadolint", "--ignore", "DL3008", *recipes], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(os.environ.get("CRDS", "")))
