/* The floor: one line out, one `ok` in, in C. No host on this computer can exchange lines faster over this wire.

   bare_c PORT PROGRAM */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char line[256], answer[256];
    int port = argc == 3 ? open(argv[1], O_RDWR | O_NOCTTY) : -1;
    FILE *program = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (port < 0 || !program) return 64;
    while (fgets(line, sizeof line, program)) {
        if (write(port, line, strlen(line)) < 0) return 1;
        int got = 0, bytes;
        do {
            bytes = read(port, answer + got, sizeof answer - got);
            got += bytes;
        } while (bytes > 0 && got < (int)sizeof answer && answer[got - 1] != '\n');
    }
    pause();
}
