"""Keyword spotting in five steps: BrainChip's tutorial, with akrt.

Run it as it is, on the network and the clips that ship with akrt::

    python examples/kws_tutorial.py

or on what ``akrt kws prepare`` and ``akrt kws train`` wrote, which takes TensorFlow
(``pip install 'akrt[train,plot]'``)::

    python examples/kws_tutorial.py features.npz --float float.h5 --quantised w8-4_a4_last1.h5

The cells (``# %%``) open as a notebook in VS Code, Spyder and Jupytext.
"""

# %%
from __future__ import annotations

import argparse
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import akrt
from akrt.kws.evaluate import backend_form, evaluate, keras_form, load_clips

SHIPPED = Path(str(files("akrt"))) / "data" / "clips"

parser = argparse.ArgumentParser(description="Keyword spotting in five steps.")
parser.add_argument("data", nargs="?", default=SHIPPED, type=Path, help=".npz, .pkl or a folder")
parser.add_argument("--float", dest="float_h5", type=Path, help="float Keras network (.h5)")
parser.add_argument("--quantised", dest="quantised_h5", type=Path, help="quantised one (.h5)")
parser.add_argument("--split", default="testing", help="of the features")
parser.add_argument("--limit", default=0, type=int, help="at most so many clips")
parser.add_argument("--figure", default=Path("confusion.png"), type=Path, help="file to draw to")
arguments = parser.parse_args()

# %% [markdown]
# ## 1. The data
# A clip of one second becomes 49 frames of 10 MFCC, as 8-bit integers: the input of the network.

# %%
print("1. Data")
bundled = akrt.Runtime().model
clips = load_clips(arguments.data, bundled.labels, arguments.split, bundled.preprocessing)[0]
clips = clips.first(arguments.limit)
print("Wanted words and labels:\n", {word: i for i, word in enumerate(clips.words)})
print(f"{len(clips.y)} clips ({clips.name}), features {clips.x.shape} {clips.x.dtype}\n")

# %% [markdown]
# ## 2. The native Keras network
# A DS-CNN: one convolution, four separable convolutions, one dense layer.

# %%
print("2. Float Keras network")
results = []
if arguments.float_h5:
    from akrt.kws import network

    network.load(arguments.float_h5).summary()
    results += evaluate([keras_form("float Keras", arguments.float_h5)], clips)
    print(f"Float Keras accuracy: {results[-1].accuracy():.4f}\n")
else:
    print("(give its file with --float)\n")

# %% [markdown]
# ## 3. The quantised Keras network
# 8-bit first weights, 4-bit weights and activations, the last activation in one bit.

# %%
print("3. Quantised Keras network")
if arguments.quantised_h5:
    from akrt.kws import network

    network.load(arguments.quantised_h5).summary()
    results += evaluate([keras_form("quantised Keras", arguments.quantised_h5)], clips)
    print(f"Quantised Keras accuracy: {results[-1].accuracy():.4f}\n")
else:
    print("(give its file with --quantised)\n")

# %% [markdown]
# ## 4. Conversion to Akida's integers
# The file is read without TensorFlow; weights, thresholds and steps are those of cnn2snn.convert.

# %%
print("4. Akida network")
model = bundled
if arguments.quantised_h5:
    model = akrt.load(arguments.quantised_h5)
    model = model.replace(labels=clips.words, preprocessing=bundled.preprocessing)
with akrt.Runtime(model, backend="native") as runtime:
    runtime.summary()
    print(f"Akida accuracy: {runtime.evaluate(clips.x, clips.y):.4f}")
    for clip in clips.x[:100]:
        runtime.forward(clip[None])
    print(runtime.statistics)
forms = [backend_form(model, "native")]
if find_spec("akida"):
    forms.append(backend_form(model, "simulator"))
exact = evaluate(forms, clips)
results += exact
if len(exact) == 2:
    print(f"Outputs of {exact[1].name} identical: {exact[0].identical(exact[1])}")
print()

# %% [markdown]
# ## 5. The confusion matrix

# %%
print("5. Confusion matrix")
for scores in results:
    top3, core = scores.accuracy(3), scores.core_accuracy
    print(
        f"{scores.name:16} accuracy {scores.accuracy():.4f}, top-3 {top3:.4f}"
        + (f", core words {core:.4f}" if core is not None else "")
    )
    for warning in scores.warnings:
        print(f"warning: {warning}")
if find_spec("matplotlib"):
    from akrt.kws.confusion import draw

    draw(exact[0]).savefig(arguments.figure, dpi=110)
    print(f"Drawn to {arguments.figure}")
else:
    from akrt.kws.confusion import as_text

    print(as_text(exact[0]))
