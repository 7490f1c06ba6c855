/* Start-up of the self-test on an emulated Cortex-M: memory, FPU, main(), and the way out. */
#include <stdint.h>

extern uint32_t akrt_stack_top, akrt_data_from, akrt_data_start, akrt_data_end;
extern uint32_t akrt_bss_start, akrt_bss_end;

int main(void);
void akrt_reset(void);

/* Ends the emulator with main's result: semihosting call SYS_EXIT_EXTENDED. */
static void leave(int status) {
    const uint32_t arguments[2] = {0x20026u, (uint32_t)status};
    register uint32_t operation __asm__("r0") = 0x20u;
    register const uint32_t *argument __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(operation) : "r"(argument) : "memory");
    for (;;) {
    }
}

static void fault(void) { leave(255); }

__attribute__((used, section(".vectors"))) static const void *const vectors[16] = {
    &akrt_stack_top, (void *)akrt_reset, (void *)fault, (void *)fault,
    (void *)fault,   (void *)fault,      (void *)fault,
};

__attribute__((used)) void akrt_reset(void) {
    const uint32_t *from = &akrt_data_from;
    for (uint32_t *to = &akrt_data_start; to < &akrt_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &akrt_bss_start; to < &akrt_bss_end; to++) {
        *to = 0;
    }
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: FPU and MVE on */
    __asm__ volatile("dsb\n isb");
#endif
    leave(main());
}
