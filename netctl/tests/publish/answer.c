// Answers on the ports it is given (udp:PORT, tcp:PORT): whom it sees as the sender, and what it got;
// by TCP a megabyte more if that begins with M.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char got[65536], said[65600], much[1 << 20];

static int reply(struct sockaddr_in6 *from, ssize_t length) {
    char address[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &from->sin6_addr, address, sizeof address);
    int head = sprintf(said, "%s %d\n", strncmp(address, "::ffff:", 7) ? address : address + 7, ntohs(from->sin6_port));
    memcpy(said + head, got, length);
    return head + length;
}

static void end(int signal) { _exit(signal); }

int main(int count, char **names) {
    signal(SIGTERM, end);
    struct pollfd polled[count];
    for (int i = 1; i < count; i++) {
        int udp = !strncmp(names[i], "udp:", 4), one = 1;
        int fd = socket(AF_INET6, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
        if (fd < 0) return 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(names[i] + 4))};
        if (bind(fd, (struct sockaddr *)&own, sizeof own) || (!udp && listen(fd, 16))) return 2;
        polled[i - 1] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    while (poll(polled, count - 1, -1) >= 0)
        for (int i = 1; i < count; i++) {
            if (!(polled[i - 1].revents & POLLIN)) continue;
            struct sockaddr_in6 from;
            socklen_t size = sizeof from;
            int fd = polled[i - 1].fd;
            if (names[i][0] == 'u') {
                ssize_t length = recvfrom(fd, got, sizeof got, 0, (struct sockaddr *)&from, &size);
                if (length >= 0) sendto(fd, said, reply(&from, length), 0, (struct sockaddr *)&from, size);
            } else {
                int peer = accept(fd, (struct sockaddr *)&from, &size);
                ssize_t length = read(peer, got, sizeof got);
                if (length >= 0) (void)!write(peer, said, reply(&from, length));
                if (length > 0 && got[0] == 'M') (void)!write(peer, much, sizeof much);
                close(peer);
            }
        }
    return 3;
}
