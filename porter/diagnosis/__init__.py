"""Why do two models differ, and what would mend it?

Where a verification says that a layer makes something else of true inputs, `diagnose` asks why: each
plausible mistake (a flipped kernel, another gate order, another epsilon) is put into the reference, and the
one with which it computes exactly what the faulty layer computes is the cause. `mend` puts the right weights
back.
"""
