"""The SeldonDeployment of a release, for Seldon Core 1.17.

Text, so that the stage needs no YAML library; `parameters` lets nothing through that would need
quoting. Each environment's overlay sets the namespace and pins the image by digest.
"""

from collections.abc import Mapping
from string import Template

from components.release.parameters import Parameters

# The names of the probes' port and of /health are those of Seldon's Python server, and 8888 is the
# user that its operator gives it.
MANIFEST = Template("""\
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: $name
spec:
  protocol: seldon
  transport: rest
  predictors:
    - name: main
      replicas: $replicas
      graph:
        name: model
        type: MODEL
        parameters:
          - {name: model_sha256, type: STRING, value: "$model"}
          - {name: calibration_sha256, type: STRING, value: "$calibration"}
      componentSpecs:
        - spec:
            securityContext:
              runAsNonRoot: true
              runAsUser: 8888
              seccompProfile: {type: RuntimeDefault}
            containers:
              - name: model
                image: $image
                securityContext:
                  allowPrivilegeEscalation: false
                  readOnlyRootFilesystem: true
                  capabilities: {drop: [ALL]}
                resources:
                  requests: {cpu: "$cpu", memory: $memory}
                  limits: {memory: $memory}
                readinessProbe:
                  httpGet: {path: /health/status, port: http}
                  initialDelaySeconds: 20
                livenessProbe:
                  httpGet: {path: /health/ping, port: http}
                  initialDelaySeconds: 60
                volumeMounts:
                  - {name: tmp, mountPath: /tmp}
            volumes:
              - {name: tmp, emptyDir: {}}
""")


def write(digests: Mapping[str, str], parameters: Parameters) -> str:
    """Write the manifest, in YAML; the server is told which model to serve by its digests."""
    return MANIFEST.substitute(
        name=parameters.name,
        replicas=parameters.serving.replicas,
        image=parameters.serving.image,
        cpu=parameters.serving.cpu,
        memory=parameters.serving.memory,
        model=digests["model.keras"],
        calibration=digests["calibration.npz"],
    )
