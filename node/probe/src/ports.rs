//! An RTP port and the RTCP port after it (RFC 3550 §11), wherever the kernel has two free.

use std::io;
use std::net::IpAddr;

use tokio::net::UdpSocket;

/// Binds an even port for RTP and the odd one after it for RTCP.
pub(crate) async fn pair(local: IpAddr) -> io::Result<(UdpSocket, UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS {
        let first = UdpSocket::bind((local, 0)).await?;
        let port = first.local_addr()?.port();
        // The kernel prefers one parity, so the neighbour below is as welcome as the one above.
        let even = port.is_multiple_of(2);
        match UdpSocket::bind((local, if even { port + 1 } else { port - 1 })).await {
            Ok(second) if even => return Ok((first, second)),
            Ok(second) => return Ok((second, first)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

const ATTEMPTS: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rtp_is_even_and_rtcp_follows() {
        for local in ["127.0.0.1", "::1"] {
            let (rtp, rtcp) = pair(local.parse().unwrap()).await.unwrap();
            let port = rtp.local_addr().unwrap().port();
            assert_eq!(port % 2, 0);
            assert_eq!(rtcp.local_addr().unwrap().port(), port + 1);
        }
    }
}
