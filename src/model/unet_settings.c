#include "model/unet_settings.h"

#include <string.h>

#include "base/error.h"

int unet_last(const int_list *widths)
{
    return widths->value[widths->count - 1];
}

const int_list *unet_decoder_widths(const unet_settings *s)
{
    return s->decoder_widths.count < 0 ? &s->encoder_widths : &s->decoder_widths;
}

int unet_check(const unet_settings *s, const char *where)
{
    const int_list *encoder = &s->encoder_widths, *decoder = unet_decoder_widths(s);
    if (encoder->count < 1 || encoder->count > DENSE_MAPS_MAX)
        return fail(USAGE, "%s.encoder_widths has %d widths, wanted 1 to %d", where,
                    encoder->count < 0 ? 0 : encoder->count, DENSE_MAPS_MAX);
    if (decoder->count != encoder->count)
        return fail(USAGE, "%s.decoder_widths has %d widths, wanted %d as encoder_widths", where, decoder->count,
                    encoder->count);
    if (unet_last(decoder) != unet_last(encoder))
        return fail(USAGE, "%s: the last of decoder_widths is %d, wanted %d as encoder_widths", where,
                    unet_last(decoder), unet_last(encoder));
    if (s->out_conv.count < 1) return fail(USAGE, "%s.out_conv has no widths, wanted 1 or more", where);
    return OK;
}

int unet_groups_check(const char *where, const char *key, const int_list *widths)
{
    for (int i = 0; i < widths->count; i++)
        if (widths->value[i] % CONV_GROUPS)
            return fail(USAGE, "%s.%s holds %d, wanted a multiple of the norm's groups (%d)", where, key,
                        widths->value[i], CONV_GROUPS);
    return OK;
}

dense_facts unet_facts(const unet_settings *s)
{
    return (dense_facts){
        .bands = s->input_dim,
        .classes = unet_last(&s->out_conv),
        .stages = s->encoder_widths.count,
        .stride_kernel = s->str_conv_k,
        .stride = s->str_conv_s,
        .stride_padding = s->str_conv_p,
        .maps = s->str_conv_s == 2 ? s->encoder_widths.count : 0,
        .least = strcmp(s->padding_mode, "reflect") ? 1 : 2,
        .frames_divide = strcmp(s->encoder_norm, "batch") != 0,
    };
}

conv_settings unet_conv_settings(const unet_settings *s, enum image_norm_kind norm, enum padding_mode padding,
                                 bool exact)
{
    return (conv_settings){norm, padding, s->str_conv_k, s->str_conv_s, s->str_conv_p, exact};
}
