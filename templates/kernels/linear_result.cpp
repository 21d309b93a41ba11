
{%- match body.terms %}
{%- when Terms::Signs with { shifted: Some(shifted), .. } %}
const {{ cx.ty(shifted.shift.element) }} shifted = {{ cx.shifted(shifted.shift, sum, "o") }};
output[{{ result }}] = {% if body.starts.is_some() %}{{ cx.start(body) }} + {% endif %}shifted;
{%- when Terms::Xnor with { shift, .. } %}
const {{ cx.ty(shift.element) }} shifted = {{ cx.shifted(shift, sum, "o") }};
output[{{ result }}] = {{ cx.start(body) }} - shifted;
{%- when Terms::Signs { .. } | Terms::Products { .. } | Terms::Shifts { .. } %}
output[{{ result }}] = {{ sum }};
{%- endmatch %}
