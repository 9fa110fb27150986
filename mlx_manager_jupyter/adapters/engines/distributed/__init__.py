"""One model on several machines, or in several processes, under MLX's own ``mlx.launch``.

===========  ====================================================================================
`hosts`      which machines take part, this one first
`abilities`  which models the installed mlx-lm can share out
`split`      what the number of ranks has to divide
`checks`     all of that together, before anything starts
`launcher`   the command line
`meanings`   what went wrong when a rank ended
===========  ====================================================================================
"""
