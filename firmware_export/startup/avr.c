/* The way out of the self-test on simavr: main's result as a line of text, and sleep for ever. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

static void put(char character) {
    while ((UCSR0A & 1u << UDRE0) == 0) {
    }
    UDR0 = (uint8_t)character;
}

/* avr-libc goes from main() to exit(). */
void exit(int status) {
    const char *text = "status ";
    UCSR0B = 1u << TXEN0;
    while (*text != 0) {
        put(*text++);
    }
    for (int unit = 100; unit > 0; unit /= 10) {
        put((char)('0' + status / unit % 10));
    }
    put('\n');
    while ((UCSR0A & 1u << UDRE0) == 0) {
    }
    cli(); /* asleep without interrupts: the emulator ends */
    for (;;) {
        sleep_mode();
    }
}
