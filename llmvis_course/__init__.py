r"""LLM visual generation, from scratch: the reference implementations behind the notebooks.

Symbols, the same in every module and notebook:

=============  =====================================================  ======================
symbol         meaning                                                shape or range
=============  =====================================================  ======================
`b`            batch
`n`, `m`       positions; positions attended to
`d`            width of a vector
`v`            as an axis: size of a vocabulary or codebook
`c h w`        channels, height, width of a picture
`x0`           data: pictures                                         [-1, 1], (b, c, h, w)
`t`            time: 0 is data, 1 is noise                            [0, 1], (b)
`x`            a point of the path, (1 - t) x0 + t noise              (b, c, h, w)
`v`            velocity of the path, noise - x0                       (b, c, h, w)
`w`, guidance  1 is the plain model, 0 ignores the text               >= 0
`q k v`        queries, keys, values of attention                     (b, heads, n, d)
`mu, log_var`  mean and log of the variance of a Gaussian             (b, d)
`ids, mask`    tokens of captions, and which are real                 (b, n)
`h`            state of a recurrent network (not in `c h w`)          (b, d)
=============  =====================================================  ======================
"""

__version__ = "0.1.0"
