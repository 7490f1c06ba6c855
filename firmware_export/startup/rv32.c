/* Start-up of the self-test on QEMU's RISC-V machine "virt": memory, main(), and the way out. */
#include <stdint.h>

extern uint32_t akrt_data_from, akrt_data_start, akrt_data_end, akrt_bss_start, akrt_bss_end;

int main(void);
void akrt_reset(void);

__attribute__((naked, used, section(".vectors"))) void akrt_start(void) {
    __asm__ volatile("la sp, akrt_stack_top\n j akrt_reset");
}

__attribute__((used)) void akrt_reset(void) {
    const uint32_t *from = &akrt_data_from;
    uint32_t status;
    for (uint32_t *to = &akrt_data_start; to < &akrt_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &akrt_bss_start; to < &akrt_bss_end; to++) {
        *to = 0;
    }
    status = (uint32_t)main();
    /* the machine's test device ends the emulator */
    *(volatile uint32_t *)0x100000u = status == 0 ? 0x5555u : status << 16 | 0x3333u;
    for (;;) {
    }
}
