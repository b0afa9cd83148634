"""One digest for each kind of arithmetic that stages do: `python -m` it in some circumstance.

It passes the door with the parameters that it is given first, so what is compared is what a stage
would compute. Kinds named after them are the only ones.
"""

import hashlib
import io
import json
import math
import sys

from ibid.stage import determinism

FRAMEWORK = ("functions", "estimates", "matmul", "convolutions", "inference", "training")


def arithmetic(draw):
    values = draw.uniform(0.1, 10, 20000).tolist()
    functions = (math.exp, math.sin, math.log, math.tanh, lambda x: x**1.7)
    return repr([f(value) for value in values for f in functions]).encode()


def pillow(draw):
    import numpy as np
    from PIL import Image

    drawn = Image.fromarray(np.cumsum(draw.integers(0, 9, (375, 500, 3)), 1).astype(np.uint8))
    photo = io.BytesIO()
    drawn.save(photo, "JPEG", quality=95)
    small = Image.open(photo).resize((128, 128), Image.Resampling.BILINEAR)
    return photo.getvalue() + small.tobytes()


def deflate(draw):
    import numpy as np
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(draw.integers(0, 9, (128, 128), np.uint8)).save(packed, "PNG")
    return packed.getvalue()


def numpy_sums(draw):
    import numpy as np

    a = draw.standard_normal((300, 1001)).astype(np.float32)
    found = (a.sum(), a.sum(0), a.sum(1), a.mean(dtype=float), a.std(), np.einsum("ij,ij->i", a, a))
    return b"".join(value.tobytes() for value in found)


def numpy_functions(draw):
    import numpy as np

    # Not tanh: of doubles it comes out wrong under qemu 7.2, by far more than rounding.
    functions = (np.exp, np.log, np.sqrt, np.sin, np.log1p, np.cbrt)
    kinds = [draw.uniform(0.01, 10, 100001).astype(kind) for kind in (np.float32, np.float64)]
    return b"".join(f(values).tobytes() for values in kinds for f in functions)


def numpy_matmul(draw):
    import numpy as np

    a = draw.standard_normal((300, 1000)).astype(np.float32)
    return (a @ a.T).tobytes() + (a @ a[0]).tobytes() + (a.astype(float) @ a.T).tobytes()


def functions(draw):
    import tensorflow as tf

    values = tf.constant(draw.uniform(0.01, 10, 100001), tf.float32)
    found = (tf.exp, tf.math.log, tf.sigmoid, tf.tanh, tf.sqrt, tf.reduce_sum, tf.reduce_mean)
    return b"".join(f(values).numpy().tobytes() for f in found)


def estimates(draw):
    import tensorflow as tf

    return tf.math.rsqrt(tf.constant(draw.uniform(0.01, 10, 100001), tf.float32)).numpy().tobytes()


def matmul(draw):
    import tensorflow as tf

    shapes = ((16, 64, 3), (300, 1000, 257), (256, 4608, 64), (33, 20000, 5))
    drawn = [(draw.standard_normal((m, k)), draw.standard_normal((k, n))) for m, k, n in shapes]
    pairs = [[tf.constant(value, tf.float32) for value in pair] for pair in drawn]
    return b"".join((a @ b).numpy().tobytes() for a, b in pairs)


def convolutions(draw):
    import tensorflow as tf

    @tf.function(reduce_retracing=False)
    def both_ways(x, kernel, depthwise):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel, depthwise])
            y = tf.nn.depthwise_conv2d(x, depthwise, [1, 1, 1, 1], "SAME")
            y = tf.nn.conv2d(y, kernel, 1, "SAME")
            loss = tf.reduce_sum(y * y)
        return [y, *tape.gradient(loss, [x, kernel, depthwise])]

    found = []
    for size, channels, width, filters in ((32, 3, 3, 16), (8, 256, 3, 128), (16, 96, 1, 24)):
        shapes = (8, size, size, channels), (width, width, channels, filters), (3, 3, channels, 1)
        found += both_ways(*(tf.constant(draw.standard_normal(s), tf.float32) for s in shapes))
    return b"".join(value.numpy().tobytes() for value in found)


def inference(draw):
    from bench import epoch
    from components.segmentation import inference

    return inference.infer(_model(), epoch.draw(draw, 16, 32).photos).tobytes()


def training(draw):
    from bench import epoch
    from components.segmentation.recipe import Recipe
    from components.segmentation.training import Trainer

    trainer = Trainer(_model())
    epoch.learn(trainer, Recipe(1, 8, 1e-3, True, 1, 0.5, 1), epoch.draw(draw, 16, 32))
    return b"".join(weights.tobytes() for weights in trainer.model.get_weights())


def _model():
    from components.segmentation import unet

    return unet.build("plain", 32, seed=1, dropout=0.1, bn_momentum=0.9)


KINDS = {
    "arithmetic": arithmetic,
    "pillow": pillow,
    "deflate": deflate,
    "numpy sums": numpy_sums,
    "numpy functions": numpy_functions,
    "numpy matmul": numpy_matmul,
    "functions": functions,
    "estimates": estimates,
    "matmul": matmul,
    "convolutions": convolutions,
    "inference": inference,
    "training": training,
}


def main():
    params = json.loads(sys.argv[1])
    wanted = sys.argv[2:] or [*KINDS]
    determinism.enter(params)
    import numpy as np  # behind the door

    if {*wanted} & {*FRAMEWORK}:
        determinism.framework(params)
    found = {name: KINDS[name](np.random.default_rng(7)) for name in wanted}
    print(json.dumps({name: hashlib.sha256(value).hexdigest() for name, value in found.items()}))


if __name__ == "__main__":
    main()
