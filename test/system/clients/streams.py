"""Runs commands and forwards ports through the official Python client and prints what it saw as one JSON object.

Usage: streams.py KUBECONFIG, with a pod "box" that has the containers "shell" and "web".
"""
import json
import sys

from kubernetes import client, config
from kubernetes.stream import portforward, stream

config.load_kube_config(sys.argv[1])
core = client.CoreV1Api()


def output():
    command = ["sh", "-c", "echo out"]
    return stream(core.connect_get_namespaced_pod_exec, "box", "default", container="shell", command=command,
                  stderr=True, stdin=False, stdout=True, tty=False)


def conversation():
    command = ["sh", "-c", "read x; echo got $x; exit 7"]
    talk = stream(core.connect_get_namespaced_pod_exec, "box", "default", container="shell", command=command,
                  stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False)
    talk.write_stdin("hello\n")
    talk.run_forever(timeout=20)
    return [talk.read_stdout(), talk.returncode]


def forwarded():
    ports = portforward(core.connect_get_namespaced_pod_portforward, "box", "default", ports="8080,9999")
    web = ports.socket(8080)
    web.setblocking(True)
    web.sendall(b"GET / HTTP/1.0\r\nHost: box\r\n\r\n")
    answer = b""
    while chunk := web.recv(4096):
        answer += chunk
    refused = ports.socket(9999)
    refused.setblocking(True)
    refused.recv(1)
    return {"forwarded": b"hello from pod box" in answer, "refused": ports.error(9999)}


print(json.dumps({"output": output(), "conversation": conversation(), **forwarded()}))
