# The layer's build for `sam build`: wheels for Lambda's platform, the engine, and bytecode for both. Runs in a copy of
# the layer's folder. SAM does not pass the architecture to a makefile, so the template selects arm64/ or x86_64/.
PACKAGES := $(ARTIFACTS_DIR)/python
PLATFORMS := manylinux2014_$(MACHINE) manylinux_2_17_$(MACHINE) manylinux_2_28_$(MACHINE) # Amazon Linux 2023 has glibc 2.34

.PHONY: build-OrderEngineLayer
build-OrderEngineLayer:
	@python3.13 -m pip --version >/dev/null || { echo "sam build needs python3.13 with pip on PATH" >&2; exit 1; }
	@python3.13 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-compile --target "$(PACKAGES)" \
		--requirement requirements.txt --only-binary :all: --python-version 3.13 $(addprefix --platform ,$(PLATFORMS))
	@cp -R order_engine "$(PACKAGES)"
	@# Remove files that no function reads. Keep METADATA: packages look up their version, scanners what is deployed.
	@rm -rf "$(PACKAGES)/bin"
	@find "$(PACKAGES)" \( -path '*.dist-info/*' ! -name METADATA -o -name '*.pyi' -o -name py.typed -o -name '*.pyc' \) ! -type d -delete
	@find "$(PACKAGES)" -type d -empty -delete
	@# A layer is read-only and zipping changes its modification times, so Python must not validate bytecode by them.
	@PYTHONHASHSEED=0 python3.13 -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p /opt "$(PACKAGES)"
