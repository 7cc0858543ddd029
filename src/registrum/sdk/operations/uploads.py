"""Documents about making a version: beginning it, places for its files and manifest, and its commit."""

from registrum.sdk.operations.artifacts import ALIASES_PARTS, VERSION_PARTS

CREATE = f"""mutation BeginVersion($input: CreateArtifactInput!) {{
  createArtifact(input: $input) {{ artifact {{ ...VersionParts ...AliasesParts }} }}
}} {VERSION_PARTS} {ALIASES_PARTS}"""

CREATE_FILES = """mutation PlaceFiles($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) {
    files { edges { node {
      uploadUrl uploadHeaders storagePath artifact { id }
      uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
    } } }
  }
}"""

COMPLETE_PARTS = """mutation CompleteParts($input: CompleteMultipartUploadArtifactInput!) {
  completeMultipartUploadArtifact(input: $input) { digest }
}"""

CREATE_MANIFEST = """mutation PlaceManifest($input: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $input) {
    artifactManifest { file { uploadUrl uploadHeaders } }
  }
}"""

COMMIT = f"""mutation CommitVersion($input: CommitArtifactInput!) {{
  commitArtifact(input: $input) {{ artifact {{ ...VersionParts ...AliasesParts }} }}
}} {VERSION_PARTS} {ALIASES_PARTS}"""
