"""A daemon that says what a test wants: on TCP or on a UNIX socket."""
import os
import socket
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BANNER = b"200 chtst01 sixxsd 5.0.0\n"


class Fake:
    """
    Accepts connections, sends the banner, and answers every line by @answer(line),
    which returns octets, a list of pieces (sent one by one, with pauses), or None: close.
    """

    def __init__(self, answer, path=None, banner=BANNER):
        self.answer, self.banner, self.lines, self.ends = answer, banner, [], []
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.sock.bind(path or ("127.0.0.1", 0))
        self.sock.listen(8)
        self.port = None if path else self.sock.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.open.append(conn)
            threading.Thread(target=self.talk, args=(conn,), daemon=True).start()

    def send(self, conn, out):
        for piece in [out] if isinstance(out, bytes) else out:
            conn.sendall(piece)
            if not isinstance(out, bytes):
                time.sleep(0.02)

    def talk(self, conn):
        data = b""
        try:
            if self.banner is None:
                return
            self.send(conn, self.banner)
            while True:
                while b"\n" not in data:
                    more = conn.recv(4096)
                    if not more:
                        return
                    data += more
                line, _, data = data.partition(b"\n")
                self.lines.append(line.rstrip(b"\r").decode())
                out = self.answer(self.lines[-1])
                if out is None:
                    return
                self.send(conn, out)
        except OSError:
            pass
        finally:
            self.ends.append(time.monotonic())
            conn.close()

    def close(self):
        self.sock.close()
        for conn in self.open:
            conn.close()


def framed(lines, code=200):
    """An answer as the daemon frames it."""
    if not lines:
        return b"%d OK\n" % code
    if len(lines) == 1:
        return b"%d %s\n" % (code, lines[0].encode())
    body = "".join(line + "\n" for line in lines).encode()
    return b"%d01 %d\n%s%d OK\n" % (code // 100, len(lines), body, code)
