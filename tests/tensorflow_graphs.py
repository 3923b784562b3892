"""What traced graphs consist of."""

from typing import Any

import tensorflow as tf


def nodes(function: Any) -> list[Any]:
    """All operations of a concrete function, those of the functions it calls included."""
    graph = function.graph.as_graph_def()
    return [*graph.node, *(node for nested in graph.library.function for node in nested.node_def)]


def is_integer(node: Any) -> bool:
    """Whether an operation computes integers."""
    return tf.as_dtype(node.attr["T"].type).is_integer
