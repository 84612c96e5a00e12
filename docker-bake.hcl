# The images for amd64 and arm64, each with a list of what is in it (SBOM) and an account
# of how it was made (provenance), pushed to a registry of yours:
#
#   export SEALPOST_REGISTRY=registry.example/ SEALPOST_VERSION=v1.2.3 SEALPOST_REVISION=$(git rev-parse HEAD)
#   docker buildx bake -f docker-bake.hcl --push
#
# Needs a builder that can do both: `docker buildx create --use`, and on one machine
# emulation for the other processor (binfmt). `docker compose build` needs none of this.
variable "SEALPOST_REGISTRY" {
  default = ""
}
variable "SEALPOST_VERSION" {
  default = ""
}
variable "SEALPOST_REVISION" {
  default = ""
}

group "default" {
  targets = ["server", "client", "driver", "vsftpd"]
}

target "image" {
  platforms = ["linux/amd64", "linux/arm64"]
  attest    = ["type=sbom", "type=provenance,mode=max"]
  args = {
    VERSION  = SEALPOST_VERSION
    REVISION = SEALPOST_REVISION
  }
}

target "program" {
  matrix = {
    program = ["server", "client", "driver"]
  }
  name       = program
  inherits   = ["image"]
  dockerfile = "Dockerfile.${program}"
  tags       = ["${SEALPOST_REGISTRY}sealpost-${program}:${SEALPOST_VERSION != "" ? SEALPOST_VERSION : "latest"}"]
}

target "vsftpd" {
  inherits = ["image"]
  context  = "services/vsftpd"
  tags     = ["${SEALPOST_REGISTRY}sealpost-vsftpd:${SEALPOST_VERSION != "" ? SEALPOST_VERSION : "latest"}"]
}
