"""Matrix products in a chosen precision."""

from ddsing.engine.tf import runtime


def product(a, b, *, dtype: str, **options):
    """``tf.matmul`` computed in `dtype` and returned in float32."""
    tf = runtime.tensorflow()
    if dtype == "float32":
        return tf.matmul(a, b, **options)
    return tf.cast(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **options), tf.float32)
