#ifndef AKRT_DECISION_H
#define AKRT_DECISION_H
/* From the potentials of one inference after the other to detected words, in integers.
 *
 * Logits are (potential - threshold) / act_step in steps of 1/256. A class's margin is its logit
 * less the largest of the others, within +-8. Margins are averaged over the last `window`
 * inferences. The class with the largest average is detected if that average reaches `score`,
 * unless there were fewer than `least` inferences, the class is no word, a word was detected less
 * than `refractory` inferences ago, or it is the word detected last and has led ever since. */
#include <string.h>
#include "akrt_decision_types.h"
#include "mcu/akrt_right_shift.h"

#define AKRT_LOGIT_ONE 256
#define AKRT_MARGIN_MAX (8 * AKRT_LOGIT_ONE)

static void akrt_decision_start(akrt_decision *state, int32_t *sums, int16_t *margins) {
    memset(state, 0, sizeof *state);
    state->sums = sums;
    state->margins = margins;
    state->held = -1;
    state->leader = -1;
}

static int32_t akrt_logit(const akrt_decision_rule *rule, const int32_t *potentials, int32_t c) {
    const int64_t above = (int64_t)potentials[c] - rule->threshold[c];
    const int64_t logit = (above * rule->factor[c]) >> rule->shift;
    return logit > 65535 ? 65535 : logit < -65535 ? -65535 : (int32_t)logit;
}

static void akrt_decision_add(const akrt_decision_rule *rule, akrt_decision *state,
                              const int32_t *potentials) {
    int16_t *row = state->margins + state->next * rule->classes;
    int32_t best = -1, first = -65536, second = -65536;
    for (int32_t c = 0; c < rule->classes; c++) {
        const int32_t logit = akrt_logit(rule, potentials, c);
        if (logit > first) {
            second = first;
            first = logit;
            best = c;
        } else if (logit > second) {
            second = logit;
        }
    }
    for (int32_t c = 0; c < rule->classes; c++) {
        int32_t margin = akrt_logit(rule, potentials, c) - (c == best ? second : first);
        margin = margin > AKRT_MARGIN_MAX ? AKRT_MARGIN_MAX : margin;
        margin = margin < -AKRT_MARGIN_MAX ? -AKRT_MARGIN_MAX : margin;
        /* before the window is full, there is nothing to take away */
        state->sums[c] = state->count == 0 ? margin
                                           : state->sums[c] + margin -
                                                 (state->count == rule->window ? row[c] : 0);
        row[c] = (int16_t)margin;
    }
    state->next = state->next + 1 == rule->window ? 0 : state->next + 1;
    state->count += state->count < rule->window;
}

/* Takes the potentials of one inference. Returns the class of a detected word, or -1. */
static int32_t akrt_decide(const akrt_decision_rule *rule, akrt_decision *state,
                           const int32_t *potentials) {
    int32_t leader = 0, sum, led;
    akrt_decision_add(rule, state, potentials);
    for (int32_t c = 1; c < rule->classes; c++) {
        leader = state->sums[c] > state->sums[leader] ? c : leader;
    }
    sum = state->sums[leader];
    led = rule->is_word[leader] && state->count >= rule->least && sum >= rule->score * state->count;
    state->leader = leader;
    state->average = sum / state->count;
    state->wait -= state->wait > 0;
    if (state->held != leader || !led) {
        state->held = -1;
    }
    if (!led || state->held == leader || state->wait > 0) {
        return -1;
    }
    state->held = leader;
    state->wait = rule->refractory;
    return leader;
}
#endif
