#!/usr/bin/python3
"""The same as bench_train.c for PyTorch (Debian: python3-torch), without augmentation.

Run it beside bench_train on the same idle machine; nothing of the project needs it.
"""
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def network():
    return nn.Sequential(
        nn.Conv2d(1, 64, 5), nn.ReLU(), nn.AvgPool2d(5, 2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.AvgPool2d(3, 2),
        nn.Conv2d(64, 128, 3), nn.ReLU(), nn.Conv2d(128, 128, 3), nn.ReLU(), nn.AvgPool2d(3, 2),
        nn.Flatten(), nn.Linear(128, 1024), nn.ReLU(), nn.Dropout(.2),
        nn.Linear(1024, 1024), nn.ReLU(), nn.Dropout(.2), nn.Linear(1024, 7))


def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def measure(batch, threads):
    torch.set_num_threads(threads)
    m, steps, best = network(), 1024 // batch, []
    o = torch.optim.SGD(m.parameters(), lr=.01, momentum=.9, nesterov=True, weight_decay=1e-4)
    x, y = torch.rand(batch, 1, 48, 48), torch.randint(0, 7, (batch,))
    for _ in range(3):
        w, c = time.monotonic(), cpu()
        for _ in range(steps):
            o.zero_grad()
            F.cross_entropy(m(x), y).backward()
            o.step()
        best.append(((time.monotonic() - w) / (steps * batch), (cpu() - c) / (steps * batch)))
    w, c = min(b[0] for b in best), min(b[1] for b in best)
    print(f"batch {batch:3}, {threads} threads: {1 / w:5.0f} pictures/s, {c * 1e3:.2f} ms of "
          f"processor time each, FER-2013 in {28709 * w:.0f} s", flush=True)


def evaluate(batch, threads):
    torch.set_num_threads(threads)
    m, steps, best = network().eval(), 1024 // batch, []
    x = torch.rand(batch, 1, 48, 48)
    with torch.inference_mode():
        for _ in range(4):
            w, c = time.monotonic(), cpu()
            for _ in range(steps):
                m(x)
            best.append(((time.monotonic() - w) / (steps * batch), (cpu() - c) / (steps * batch)))
    w, c = min(b[0] for b in best), min(b[1] for b in best)
    print(f"evaluation, batches of {batch}, {threads} threads: {1 / w:5.0f} frames/s, "
          f"{c * 1e3:.3f} ms of processor time each", flush=True)


for t in 1, 2:
    for b in 32, 256:
        evaluate(b, t)
for t in 1, 2:
    for b in 64, 128, 256:
        measure(b, t)
